"""Two gateways with one address, and a certificate of an ACME authority: crash, cable, update, renewal.

The tests are one story, in the order of the file: each goes on with the deployment that the one before it left.
"""

from __future__ import annotations

import hashlib
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from llmdeploy.adapters.http import healthy
from tests.hosts.authority import DIRECTORY, NAME, name_hosts, start_authority
from tests.hosts.fleet import Fleet
from tests.hosts.picture import differences, picture
from tests.hosts.service import PORT, Service, sections, within
from tests.hosts.traffic import Patience, Traffic, traffic
from tests.hosts.watch import watched

AWAY = 3.0  # seconds: the bound of a fail-over
CLIENTS = 8
PATIENT = Patience(deadline=10.0, pause=AWAY)
GATEWAY, ACME = "llmdeploy-demo-gateway", "llmdeploy-demo-acme"


@pytest.fixture(scope="module")
def name_service_mock(four_hosts: Fleet) -> Iterator[dict[str, str]]:
    """Names that this process resolves; no name service of this machine is changed for it."""
    net = four_hosts.hosts[0].address.rpartition(".")[0]
    names = {"llm.test": f"{net}.100", NAME: four_hosts.hosts[3].address, "stranger.test": four_hosts.hosts[3].address}
    real = socket.getaddrinfo

    def resolve(host: Any, *rest: Any, **more: Any) -> Any:
        return real(names.get(host, host), *rest, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket, "getaddrinfo", resolve)
        yield names


@pytest.fixture(scope="module")
def service(four_hosts: Fleet, name_service_mock: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Service:
    """Three hosts are the deployment's; the fourth is the authority."""
    folder, root = tmp_path_factory.mktemp("gateways"), "root.pem"
    name_hosts(four_hosts, name_service_mock)
    start_authority(four_hosts, four_hosts.names[3], folder / root)
    ours = replace(four_hosts, hosts=four_hosts.hosts[:3])
    before = {name: picture(ours, name) for name in ours.names}
    settings = {
        "virtual_address": name_service_mock["llm.test"],
        "public_name": "llm.test",
        "acme_email": "ops@example.org",
        "acme_directory": DIRECTORY,
        "acme_authority": root,
    }
    made = Service(folder, ours, before, 2, settings, "llm.test", folder / root)
    made.write()
    return made


def holders(service: Service) -> list[str]:
    """The gateways that have the address now."""
    address = service.settings["virtual_address"]
    asked = f"ip -o address show to {address}"
    return [name for name in service.hosts.names[:2] if service.hosts.run(name, asked, check=False).stdout]


def holder(service: Service) -> str:
    (name,) = holders(service)
    return name


def other(service: Service, name: str) -> str:
    return next(one for one in service.hosts.names[:2] if one != name)


def certificate(service: Service, address: str) -> str:
    """The SHA-256 of what is served there, which the authority must have signed for the public name."""
    context = ssl.create_default_context(cafile=str(service.authority))
    plain = socket.create_connection((address, PORT), timeout=10)
    with context.wrap_socket(plain, server_hostname="llm.test") as served:
        return hashlib.sha256(served.getpeercert(binary_form=True) or b"").hexdigest()


@contextmanager
def an_event(service: Service, record: Callable[[str, Any], None], name: str, most_failed: int) -> Iterator[Traffic]:
    """Clients and a watch over what happens in the block, and the bounds that hold for them."""
    with watched(service.endpoint) as watch, traffic(service.endpoint, CLIENTS, PATIENT) as seen:
        yield seen
    told = f"away {watch.away():.2f} s; {len(seen.failed)} first tries failed of {seen.served}: {sorted(seen.failed)}"
    record(name, told)
    assert watch.away() <= AWAY, told
    assert len(seen.failed) <= most_failed, told
    assert (seen.unserved, seen.cut) == ([], 0), "a client that asks once more after the fail-over time is served"


def test_both_gateways_get_the_authoritys_certificate_in_one_run(service: Service) -> None:
    report = service.up()
    assert all(gate["passed"] for gate in sections(report, "test")["data"]["gates"])
    assert holder(service)
    served = {certificate(service, host.address) for host in service.hosts.hosts[:2]}
    assert len(served) == 2, "each has one of its own: only one of them has the address that the authority asks at"


def test_a_second_run_changes_nothing(service: Service) -> None:
    report = service.up()
    for step in ("setup", "deploy", "monitor"):
        counts = sections(report, step)["data"]["hosts"]
        assert {name: one["changed"] for name, one in counts.items()} == dict.fromkeys(service.hosts.names, 0), step


def test_a_gateway_that_crashes_gives_its_address_away(
    service: Service, record_property: Callable[[str, Any], None]
) -> None:
    had = holder(service)
    with an_event(service, record_property, "crash", CLIENTS):
        service.hosts.crash(had)
        time.sleep(4)
    assert holder(service) == other(service, had)
    with an_event(service, record_property, "return", 0):
        service.hosts.start(had)
        time.sleep(4)
    assert holder(service) == other(service, had), "a gateway that returns does not take the address back"


def test_a_cable_that_is_pulled_and_comes_back(service: Service, record_property: Callable[[str, Any], None]) -> None:
    had = holder(service)
    with an_event(service, record_property, "cable out", CLIENTS):
        service.hosts.unplug(had)
        time.sleep(4)
    with an_event(service, record_property, "cable in", 0):
        service.hosts.plug(had)
        time.sleep(3)
    assert holder(service) == other(service, had)


def test_gateways_that_could_not_hear_each_other_agree_again(service: Service) -> None:
    gateways = service.hosts.names[:2]
    rules = "table inet deaf { chain input { type filter hook input priority -10; ip protocol 112 drop; }; }\n"
    try:
        for name in gateways:
            service.hosts.run(name, "sudo nft -f -", given=rules)
        within(20, lambda: len(holders(service)) == 2)
    finally:
        for name in gateways:
            service.hosts.run(name, "sudo nft delete table inet deaf")
    within(20, lambda: len(holders(service)) == 1)
    within(20, lambda: healthy(service.endpoint))


def test_an_haproxy_that_is_killed(service: Service, record_property: Callable[[str, Any], None]) -> None:
    with an_event(service, record_property, "HAProxy killed", 2 * CLIENTS):
        service.hosts.run(holder(service), f"sudo systemctl kill --signal KILL {GATEWAY}")
        time.sleep(4)
    within(20, lambda: len(holders(service)) == 1)


def test_an_update_moves_the_address_once_before_its_gateway_stops(
    service: Service, record_property: Callable[[str, Any], None]
) -> None:
    """As after an update of llmdeploy that changes the gateways' unit, which takes a start anew on both."""
    had = holder(service)
    for name in service.hosts.names[:2]:
        service.hosts.run(name, f"echo '# older' | sudo tee -a /etc/systemd/system/{GATEWAY}.service")
    service.settings["rate"] = 100_000
    service.write()
    with an_event(service, record_property, "update", CLIENTS):
        report = service.up()
    assert sections(report, "setup")["changed"]
    assert holder(service) == other(service, had)


def make_due(service: Service, name: str) -> None:
    """Have certbot renew at its next start: what is left of 12 hours is less than 13."""
    service.hosts.run(
        name,
        "sudo sh -c \"sed -i 's/^renew_before_expiry = .*/renew_before_expiry = 13 hours/' "
        '/var/lib/llmdeploy/demo/gateway/acme/renewal/*.conf"',
    )


def test_the_timer_renews_and_no_request_is_dropped(
    service: Service, record_property: Callable[[str, Any], None]
) -> None:
    name = other(service, holder(service))
    before = {host.name: certificate(service, host.address) for host in service.hosts.hosts[:2]}
    soon = "[Timer]\nOnActiveSec=\nOnActiveSec=1s\nRandomizedDelaySec=0\nAccuracySec=1s\n"
    with an_event(service, record_property, "renewal", 0):
        for host in service.hosts.hosts[:2]:
            make_due(service, host.name)
            service.hosts.run(host.name, f"sudo mkdir -p /run/systemd/system/{ACME}.timer.d")
            service.hosts.run(host.name, f"sudo tee /run/systemd/system/{ACME}.timer.d/soon.conf", given=soon)
            service.hosts.run(host.name, f"sudo systemctl daemon-reload; sudo systemctl restart {ACME}.timer")
        for host in service.hosts.hosts[:2]:
            within(60, lambda host=host: certificate(service, host.address) != before[host.name])  # type: ignore[misc]
    due = service.hosts.run(name, "sudo grep -rh ^renew_before_expiry /var/lib/llmdeploy/demo/gateway/acme/renewal")
    assert due.stdout == "renew_before_expiry = 14420 seconds\n", "a third of its 12 hours and one minute"


def test_an_authority_that_is_down_costs_nothing_but_the_renewal(service: Service, four_hosts: Fleet) -> None:
    name = holder(service)
    before = certificate(service, service.hosts.address(name))
    four_hosts.run(four_hosts.names[3], "sudo systemctl stop caddy")
    make_due(service, name)
    assert service.hosts.run(name, f"sudo systemctl start {ACME}", check=False).returncode != 0
    assert certificate(service, service.hosts.address(name)) == before
    assert service.llmdeploy("up", "-y").exit_code == 0, "an `up` needs no authority while there is a certificate"
    four_hosts.run(four_hosts.names[3], "sudo systemctl start caddy")


def test_a_name_that_is_another_hosts_is_refused_in_one_line(service: Service) -> None:
    before = certificate(service, service.settings["virtual_address"])
    service.settings["public_name"] = "stranger.test"
    service.write()
    refused = service.llmdeploy("up", "-y")
    service.settings["public_name"] = "llm.test"
    service.write()
    assert refused.exit_code == 5, refused.stderr
    (error,) = [line for line in refused.stderr.splitlines() if line.startswith("error:")]
    assert f"{DIRECTORY} gives no certificate for stranger.test: The server will not issue certificates" in error
    assert certificate(service, service.settings["virtual_address"]) == before


def test_down_leaves_the_hosts_as_they_were(service: Service) -> None:
    done = service.llmdeploy("down")
    assert done.exit_code == 0, done.stderr
    for name in service.hosts.names:
        service.hosts.run(name, f"sudo rm -rf /run/systemd/system/{ACME}.timer.d; sudo systemctl daemon-reload")
        assert differences(service.before[name], picture(service.hosts, name)) == {}, name
