"""What each host gets of a model, out of what is free there."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from llmdeploy.fleet.facts import Facts
from llmdeploy.fleet.host import Host
from llmdeploy.fleet.ports import MOST_REPLICAS
from llmdeploy.fleet.sizing import MARGIN, SPARE, Sized, keep_known, share_of, size_host
from llmdeploy.plan import HostPlan
from llmdeploy.sizing.architecture import Architecture
from llmdeploy.spec import parse_spec
from tests.sizing.shapes import DEMO_SHAPE, LLAMA_8B

from .documents import GIB, facts, gpus

HOST = Host("gpu1", "10.0.0.11")


def sized(
    found: Facts, model: Architecture = LLAMA_8B, engine: str = "llamacpp", hosts: int = 1, spec: str = ""
) -> Any:
    return size_host(HOST, found, share_of(parse_spec(spec, "spec"), engine, model, hosts))


def fitting(*args: Any, **more: Any) -> Sized:
    found = sized(*args, **more)
    assert isinstance(found, Sized), found
    return found


def test_what_is_free_counts_and_not_what_is_there() -> None:
    busy = sized(facts(memory__total=128 * GIB, memory__available=2 * GIB))
    assert isinstance(busy, str)
    assert "GiB" in busy


def test_an_engine_of_ours_that_runs_may_be_replaced() -> None:
    short = {"memory__total": 16 * GIB, "memory__available": 2 * GIB}
    assert isinstance(sized(facts(**short)), str)
    assert fitting(facts(**short, own_engines=8 * GIB)).plan.replicas == 1


def test_memory_of_an_engine_is_bounded_above_what_it_needs() -> None:
    found = fitting(facts())
    assert found.plan.memory_max == int(found.memory.needed_bytes * MARGIN) + SPARE


def test_one_engine_for_each_numa_node() -> None:
    found = fitting(facts(numa=["0-15", "16-31"])).plan
    assert (found.replicas, found.cpus, found.threads) == (2, ("0-15", "16-31"), 8)
    one = fitting(facts(numa=["0-31"])).plan
    assert (one.replicas, one.cpus, one.threads) == (1, ("",), 16)


def test_a_model_too_large_for_one_node_has_the_host_to_itself() -> None:
    found = fitting(facts(numa=["0-15", "16-31"], memory__available=10 * GIB, memory__total=12 * GIB)).plan
    assert (found.replicas, found.cpus) == (1, ("",))


def test_nodes_without_processors_are_left_alone() -> None:
    assert fitting(facts(numa=["0-31", ""])).plan.replicas == 1


def test_vllm_has_one_engine_for_each_gpu_and_its_part_of_the_hosts_memory() -> None:
    found = fitting(facts(pci_gpus=4, gpus=gpus(4)), engine="vllm").plan
    assert (found.replicas, found.gpus) == (4, ((0,), (1,), (2,), (3,)))
    assert found.memory_max == int(128 * GIB * 0.8) // 4


def test_vllm_without_a_gpu_has_the_host_to_itself_and_a_bound_above_what_it_needs() -> None:
    found = fitting(facts(numa=["0-15", "16-31"]), engine="vllm")
    assert (found.plan.replicas, found.plan.gpus, found.plan.threads) == (1, ((),), 16)
    assert found.plan.memory_max == int(found.memory.needed_bytes * MARGIN) + SPARE


def test_what_our_own_engine_holds_of_a_gpu_may_be_had_again() -> None:
    """The memory that the host's driver shows as free is little while vLLM runs: it takes nine tenths."""
    (one,) = gpus(1)
    taken = {**one, "memory_free": 4 * GIB}
    assert isinstance(sized(facts(pci_gpus=1, gpus=[taken], own_engines=3 * GIB), engine="vllm"), str)
    ours = {**taken, "own": 40 * GIB}
    assert fitting(facts(pci_gpus=1, gpus=[ours], own_engines=3 * GIB), engine="vllm").plan.replicas == 1


def test_no_host_gets_more_engines_than_there_are_ports_for() -> None:
    many = fitting(facts(pci_gpus=20, gpus=gpus(20)), engine="vllm")
    assert (many.plan.replicas, many.plan.gpus[-1]) == (MOST_REPLICAS, (MOST_REPLICAS - 1,))
    assert [text for text in many.warnings if "4 of 20 GPUs of gpu1 are not used" in text]
    nodes = fitting(facts(numa=[str(number) for number in range(18)]), DEMO_SHAPE)
    assert nodes.plan.replicas == MOST_REPLICAS
    assert [text for text in nodes.warnings if "2 of 18 NUMA nodes of gpu1 are not used" in text]
    full = fitting(facts(pci_gpus=16, gpus=gpus(16)), engine="vllm")
    assert not [text for text in full.warnings if "not used" in text]


def test_an_engine_of_many_counts_with_its_own_node_alone() -> None:
    memory = {"memory__total": 18 * GIB, "memory__available": 18 * GIB}
    nodes = [str(number) for number in range(18)]
    assert fitting(facts(numa=nodes, **memory), DEMO_SHAPE).memory.available_bytes <= GIB


def test_requests_are_shared_out_so_that_one_host_may_be_off() -> None:
    spec = "workload: {concurrency: 12}"
    assert fitting(facts(), DEMO_SHAPE, spec=spec, hosts=1).plan.slots == 12
    assert fitting(facts(), DEMO_SHAPE, spec=spec, hosts=4).plan.slots == 4
    assert fitting(facts(), DEMO_SHAPE, spec=f"{spec}\nhosts: {{max_unavailable: 2}}", hosts=4).plan.slots == 6
    assert fitting(facts(), DEMO_SHAPE, spec=f"{spec}\nhosts: {{max_unavailable: 0}}", hosts=4).plan.slots == 3


def test_a_bound_of_the_spec_is_kept() -> None:
    assert fitting(facts(), spec="resources: {threads: 3}").plan.threads == 3
    assert isinstance(sized(facts(), spec="resources: {memory: 1GiB}"), str)


OLD = HostPlan("gpu1", "10.0.0.11", replicas=1, slots=4, threads=8, memory_max=8 * GIB, cpus=("",))
NEW = replace(OLD, threads=16, memory_max=9 * GIB)


def test_a_part_that_still_fits_is_kept() -> None:
    assert keep_known(NEW, {"gpu1": OLD}, 8 * GIB) == OLD
    assert keep_known(NEW, {}, 8 * GIB) == NEW


def test_a_part_is_made_anew_where_the_host_is_another() -> None:
    known = {"gpu1": OLD}
    assert keep_known(NEW, known, 7 * GIB) == NEW
    for other in (replace(NEW, address="10.0.0.12"), replace(NEW, gateway=True), replace(NEW, wave="canary")):
        assert keep_known(other, known, 100 * GIB) == other
    without = replace(NEW, replicas=0)
    assert keep_known(without, known, 100 * GIB) == without
    more = replace(NEW, gpus=((0,), (1,)))
    assert keep_known(more, known, 100 * GIB) == more
