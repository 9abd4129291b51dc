"""What the report is made of: plain data. Bytes, seconds and USD unless a name says otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from llmdeploy.methods.need import Need
from llmdeploy.methods.price import Price


@dataclass(frozen=True)
class Facts:
    """What the report cannot know: names and the day. `command` is how the user starts llmdeploy."""

    deployment: str
    version: str
    date: str
    command: str = "llmdeploy"


@dataclass(frozen=True)
class ModelFacts:
    """`active_parameters` is null where all of them work on every token. `forbidden` says why the licence forbids the
    use that is planned, `condition` what else it asks for."""

    name: str
    title: str
    repository: str
    parameters: int
    active_parameters: int | None
    context: int
    licence: str
    condition: str
    forbidden: str
    gated: bool
    quality: float | None
    quality_source: str


@dataclass(frozen=True)
class Figure:
    """A predicted figure; nine of ten published cases lie between `low` and `high`."""

    name: str
    unit: str
    value: float
    low: float
    high: float
    promised: float | None = None


@dataclass(frozen=True)
class MemoryPart:
    """`free` parts are not taken by anything yet."""

    name: str
    bytes: float
    what: str
    free: bool = False


@dataclass(frozen=True)
class DeviceMemory:
    """Of the fullest device: `total` is what a process sees, `usable` what the engine may take of it."""

    total: float
    usable: float
    engine: str
    parts: tuple[MemoryPart, ...]

    @property
    def needed(self) -> float:
        return sum(part.bytes for part in self.parts if not part.free)

    @property
    def unit(self) -> tuple[str, float]:
        """One unit for all parts, so that they can be compared: its name and its bytes."""
        return ("GiB", 2.0**30) if self.needed >= 2**30 else ("MiB", 2.0**20)


@dataclass(frozen=True)
class LoadPoint:
    """`load` requests at once: `arriving` is the TTFT of 95 of 100 that arrive at random, null where their queue grows
    without end; `fixed` the TTFT where exactly so many users ask one after the other."""

    load: float
    arriving: float | None
    fixed: float
    itl: float


@dataclass(frozen=True)
class Traffic:
    """A month: requests, and GB that come in and go out; `mbit_out` is Mbit/s on average in the busy hours."""

    requests: float
    gb_in: float
    gb_out: float
    mbit_out: float


@dataclass(frozen=True)
class Machines:
    """`count` machines of one kind; a hybrid has two kinds. One costs `hour` USD an hour or `price` USD to buy, null
    where it does not. `processor`: the machine's own computes, there is no accelerator."""

    count: int
    name: str
    place: str
    region: str
    hour: float | None
    price: float | None
    watts: float
    devices: int
    device: str
    processor: bool
    link: str
    variant: str
    bits: float
    weight_bytes: int
    engine: str
    replicas: int
    tensor: int
    pipeline: int
    places: int
    planned: float
    context: int
    cache_tokens: int
    storage_gb: float
    memory: DeviceMemory
    traffic: Traffic
    loads: tuple[LoadPoint, ...]


@dataclass(frozen=True)
class Method:
    """One row of the comparison. `break_even` is the month in which it has cost as much as the cheapest rent: null
    where there is nothing to buy or it never comes (`never`). `nearest` is the plan that breaks only `reason`."""

    name: str
    method: str
    target: str
    chosen: bool
    reason: str
    score: float
    parts: Mapping[str, float]
    variant: str
    hardware: str
    replicas: tuple[int, ...]
    price: Price | None
    ttft: float | None
    itl: float | None
    seconds: float | None
    quality: float | None
    break_even: float | None
    never: bool
    nearest: str
    pros: tuple[str, ...]
    cons: tuple[str, ...]

    @property
    def feasible(self) -> bool:
        return not self.reason

    @property
    def shown(self) -> str:
        return f"{self.name} (chosen)" if self.chosen else self.name


@dataclass(frozen=True)
class CostLine:
    """USD spent by the end of month 0, 1, ...; methods that cost alike share a line."""

    name: str
    spent: tuple[float, ...]


@dataclass(frozen=True)
class Crossing:
    """Where a line meets that of the cheapest rent."""

    name: str
    month: float
    spent: float


@dataclass(frozen=True)
class Rent:
    """The cheapest machines to rent; `against` says why they may not be taken, or is empty."""

    name: str
    month: float
    against: str


@dataclass(frozen=True)
class Costs:
    lines: tuple[CostLine, ...]
    crossings: tuple[Crossing, ...]
    rent: Rent | None


@dataclass(frozen=True)
class PriceDates:
    """Of the rented machines in the comparison; `undated` names those whose price has no date."""

    machines: tuple[str, ...]
    oldest: str
    newest: str
    undated: tuple[str, ...]


@dataclass(frozen=True)
class Assumption:
    what: str
    value: str
    source: str


@dataclass(frozen=True)
class RequirementReport:
    """`model` is the one that is served; `asked` the title of the one that was asked for. `price` is that of the chosen
    row, and of what comes nearest to it where it is chosen though it breaks the promise."""

    said: Facts
    need: Need
    asked: str
    model: ModelFacts
    pinned: str
    methods: tuple[Method, ...]
    price: Price | None
    machines: tuple[Machines, ...]
    figures: tuple[Figure, ...]
    headroom: float | None
    costs: Costs
    prices: PriceDates
    assumptions: tuple[Assumption, ...]
    ranges: tuple[Assumption, ...]

    @property
    def chosen(self) -> Method:
        return next(one for one in self.methods if one.chosen)

    @property
    def best(self) -> Method:
        return self.methods[0]

    @property
    def feasible(self) -> tuple[Method, ...]:
        return tuple(one for one in self.methods if one.feasible)
