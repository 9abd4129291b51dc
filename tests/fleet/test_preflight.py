"""Every reason for which a host is not taken, in the words that its owner reads."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from llmdeploy.fleet.preflight import SYSTEMS, Wanted, refusals

from .documents import DEBIAN_13, GIB, NOW, facts, gpus

WANTED = Wanted("demo", "llamacpp", 5 * GIB, (443, 80))
VLLM = Wanted("demo", "vllm", 16 * GIB, (443,))


def against(wanted: Wanted = WANTED, gateway: bool = True, engine: bool = True, **changes: Any) -> tuple[str, ...]:
    return refusals(facts(**changes), wanted, gateway, engine)


def system(name: str, version: str) -> dict[str, str]:
    return {"id": name, "version": version, "codename": "", "name": f"{name} {version}"}


@pytest.mark.parametrize("name", SYSTEMS)
def test_supported_systems_are_taken(name: str) -> None:
    assert against(os=system(*name.split())) == ()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"os": system("rhel", "9.4")}, "rhel 9.4 is not supported: debian 12, debian 13, ubuntu 24.04"),
        ({"os": system("debian", "11")}, "debian 11 is not supported"),
        ({"os": system("alpine", "3.20")}, "alpine 3.20 is not supported"),
        ({"python": "3.10.12"}, "its python3 is 3.10, and 3.11 to 3.14 are needed"),
        ({"python": "3.15.0"}, "its python3 is 3.15, and 3.11 to 3.14 are needed"),
        ({"architecture": "riscv64"}, "riscv64 processors are not supported: x86_64, aarch64"),
        ({"kernel": "4.19.0-27-amd64"}, "its kernel is 4.19.0-27-amd64, and 5.10 is the oldest that will do"),
        ({"running": "offline"}, "systemd is not running there (offline)"),
        ({"running": ""}, "systemd is not running there (no answer)"),
        ({"time": NOW + 90}, "its clock is 90 s ahead"),
        ({"time": NOW - 3600}, "its clock is 3600 s behind"),
        ({"listeners": [[443, "nginx.service"]]}, "port 443 is taken by nginx.service"),
        ({"listeners": [[443, ""]]}, "port 443 is taken by another program: free it, or choose another access.port"),
        (
            {"listeners": [[80, "apache2.service"]]},
            "port 80 is taken by apache2.service: free it, or do without",
        ),
        ({"listeners": [[443, "llmdeploy-other-gateway.service"]]}, "port 443 is taken by llmdeploy-other-gateway"),
        ({"disk__store": 8 * GIB}, "8.0 GiB of disk are free, and 10.6 GiB are needed"),
        ({"disk__runtimes": 1 * GIB}, "1.0 GiB of disk are free"),
    ],
)
def test_a_host_is_refused_with_its_reason(changes: dict[str, Any], reason: str) -> None:
    said = against(**changes)
    assert len(said) == 1
    assert said[0].startswith(reason)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        (
            {
                "pci_gpus": 2,
                "os": system("ubuntu", "24.04"),
                "python": "3.12.3",
                "gpu_error": "Failed to initialize NVML: Driver/library version mismatch",
            },
            "its GPU driver is broken: Failed to initialize NVML: Driver/library version mismatch",
        ),
        ({"pci_gpus": 8, "gpus": gpus(7)}, "its driver sees 7 of 8 GPUs: reset or reboot it"),
    ],
)
def test_a_host_with_bad_gpus_is_refused_for_vllm_alone(changes: dict[str, Any], reason: str) -> None:
    assert against(VLLM, **changes) == (reason,)
    assert against(**changes) == ()


UBUNTU = {"os": system("ubuntu", "24.04"), "python": "3.12.3"}


def test_gpus_without_a_driver_are_taken_as_setup_brings_one() -> None:
    assert against(VLLM, pci_gpus=2, **UBUNTU) == ()
    assert against(VLLM, pci_gpus=2, gpus=gpus(2)) == ()


def test_gpus_without_a_driver_are_refused_where_the_distribution_has_only_an_old_one() -> None:
    (said,) = against(VLLM, pci_gpus=2)
    assert said == (
        "its GPUs have no driver, and that of Debian GNU/Linux 12 (bookworm) is too old for CUDA 13: "
        "install NVIDIA's, 580 or newer"
    )


def test_an_old_driver_is_refused() -> None:
    old = [{**gpus(1)[0], "driver": "535.261.03"}]
    assert against(VLLM, pci_gpus=1, gpus=old) == ("its NVIDIA driver is 535.261.03, and CUDA 13 needs 580 or newer",)


def test_processors_serve_vllm_where_no_host_has_a_gpu() -> None:
    assert against(VLLM) == ()
    (said,) = against(replace(VLLM, gpus=True))
    assert said == "it has no GPU, and the others have: a processor would be the slowest of them by far"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        (
            {"python": "3.13.5"},
            "vLLM for processors is locked for Python 3.11 on x86_64, not for Python 3.13 on x86_64",
        ),
        (
            {"architecture": "aarch64"},
            "vLLM for processors is locked for Python 3.11 on x86_64, not for Python 3.11 on aarch64",
        ),
        (
            {"python": "3.14.0", "pci_gpus": 1, "gpus": gpus(1)},
            "vLLM for GPUs is locked for Python 3.11, 3.12, 3.13 on x86_64 and aarch64, not for Python 3.14 on x86_64",
        ),
        (
            {"processor": {"cores": 2, "physical_cores": 2, "flags": ["avx"]}},
            "its processor has no AVX2, which vLLM needs",
        ),
    ],
)
def test_a_host_for_which_vllm_is_not_locked_is_refused_for_vllm_alone(changes: dict[str, Any], reason: str) -> None:
    assert against(VLLM, **changes) == (reason,)
    assert against(**changes) == ()


def test_an_image_needs_no_lock_and_a_gpu_only_where_others_have_one() -> None:
    image = replace(VLLM, image=f"vllm@sha256:{'0' * 64}")
    assert against(image, os=DEBIAN_13, python="3.14.0", pci_gpus=1, gpus=gpus(1)) == ()
    assert against(image, os=DEBIAN_13) == ()
    (reason,) = against(replace(image, gpus=True), os=DEBIAN_13)
    assert "it has no GPU, and the others have" in reason


def test_an_image_needs_a_podman_that_knows_quadlets() -> None:
    (reason,) = against(replace(VLLM, image=f"vllm@sha256:{'0' * 64}"))
    assert reason.startswith("the podman of Debian GNU/Linux 12 (bookworm) is too old for hosts.image: use Debian 13")


def test_an_image_needs_room_where_podman_keeps_it() -> None:
    image = replace(VLLM, image=f"vllm@sha256:{'0' * 64}")
    short = "of disk are free where podman keeps images, and {} are needed"
    podman = {"os": DEBIAN_13}
    assert against(image, **podman, disk__images=11 * GIB) == (f"11.0 GiB {short.format('12.0 GiB')}",)
    assert against(image, **podman, disk__images=12 * GIB) == ()
    on_gpus = against(image, **podman, disk__images=12 * GIB, pci_gpus=1, gpus=gpus(1))
    assert on_gpus == (f"12.0 GiB {short.format('40.0 GiB')}",)
    assert against(replace(image, set_up=True), **podman, disk__images=0) == ()
    beside = against(replace(image, artifact="a" * 24), **{**SERVES, **podman, "disk__images": GIB})
    assert beside == (f"1.0 GiB {short.format('12.0 GiB')}",)


def test_vllm_counts_the_disk_of_its_wheels_and_environment() -> None:
    (said,) = against(VLLM, disk__store=33 * GIB)
    assert said == (
        "33.0 GiB of disk are free, and 36.6 GiB are needed (the model twice while it is replaced, 4.0 GiB of them for "
        "vllm itself)"
    )


def test_every_reason_is_told() -> None:
    said = against(os=system("rhel", "9.4"), time=NOW + 90, disk__store=0)
    assert [line.split()[0] for line in said] == ["rhel", "its", "0"]


def test_degraded_systems_and_small_differences_of_clocks_are_taken() -> None:
    assert against(running="degraded", time=NOW + 20) == ()


def test_the_clock_of_a_host_that_took_long_is_not_blamed() -> None:
    assert refusals(facts(asked=NOW - 58, answered=NOW + 2, time=NOW + 25), WANTED, True, True) == ()


def test_the_port_matters_on_gateways_alone_and_our_own_gateway_may_hold_it() -> None:
    assert against(gateway=False, listeners=[[443, "nginx.service"]]) == ()
    assert against(listeners=[[443, "llmdeploy-demo-gateway.service"]]) == ()


def test_a_gateway_alone_needs_no_disk_and_no_gpu() -> None:
    assert against(VLLM, engine=False, disk__store=0) == ()


SERVES = {"artifacts": ["a" * 24], "units": ["llmdeploy-demo-engine-0.service"], "disk__store": GIB}


def test_a_running_deployment_is_not_asked_for_disk_again() -> None:
    assert against(replace(WANTED, artifact="a" * 24), **SERVES) == ()


@pytest.mark.parametrize("artifact", ["", "b" * 24])
def test_another_model_must_fit_beside_the_one_that_runs(artifact: str) -> None:
    (reason,) = against(replace(WANTED, artifact=artifact), **SERVES)
    assert reason == "1.0 GiB of disk are free, and 5.1 GiB are needed (the new model beside what runs)"
    assert against(replace(WANTED, artifact=artifact), **{**SERVES, "disk__store": 6 * GIB}) == ()


def test_another_engine_must_fit_beside_the_one_that_runs() -> None:
    there = replace(VLLM, artifact="a" * 24)
    (reason,) = against(there, **SERVES)
    assert reason == "1.0 GiB of disk are free, and 4.1 GiB are needed (vllm beside what runs)"
    (reason,) = against(replace(VLLM, artifact="b" * 24), **SERVES)
    assert reason == "1.0 GiB of disk are free, and 20.1 GiB are needed (the new model and vllm beside what runs)"
    assert against(replace(there, set_up=True), **SERVES) == ()
    assert against(there, **{**SERVES, "disk__store": 5 * GIB}) == ()


def test_a_box_that_pulls_keeps_its_model_elsewhere() -> None:
    assert against(replace(WANTED, artifact="b" * 24, pulled=True), **SERVES) == ()
    assert len(against(replace(WANTED, pulled=True), **SERVES)) == 1


@pytest.mark.parametrize("unit", ["llmdeploy-other-engine-0.service", "llmdeploy-demo-two-engine-0.service"])
def test_what_another_deployment_stores_there_is_no_room_for_this_one(unit: str) -> None:
    assert len(against(units=[unit], artifacts=["a" * 24], disk__store=GIB)) == 1
