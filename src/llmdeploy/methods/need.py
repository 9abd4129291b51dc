"""What the deployment must do and may cost, in plain numbers. Times in seconds, money in USD."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from llmdeploy.errors import Problem, SpecError
from llmdeploy.sizing.load import Load
from llmdeploy.spec import Spec
from llmdeploy.units import Money

HOURS_PER_MONTH: Final = 730.0
ANSWER_SECONDS_PER_TOKEN: Final = 0.03  # where only users are given: how long one of their answers keeps a place busy
LANGUAGE_ENGINES: Final = ("vllm", "llamacpp")  # the others serve no language model
OPEN_TASKS: Final = ("chat", "generation", "summarization")  # an answer in free words


@dataclass(frozen=True)
class Owned:
    """Machines that are there already: `hosts` of them with `per_host` devices each."""

    hosts: int
    accelerator: str
    per_host: int


@dataclass(frozen=True)
class Weights:
    """How much each part of the score counts; they are divided by their sum."""

    cost: float = 0.35
    speed: float = 0.2
    quality: float = 0.25
    control: float = 0.1
    ease: float = 0.1


@dataclass(frozen=True)
class Need:
    """`concurrency` is the mean number of requests in progress in the busy hours, which are `hours_per_day`.

    `electricity` is USD per kWh, `staff_hour` USD; own hardware is written off over `write_off` months.
    """

    concurrency: float
    prompt: int
    output: int
    ttft: float
    itl: float
    e2e: float | None = None
    hours_per_day: float = 24.0
    policy: str = "any"
    connectivity: str = "good"
    task: str = "chat"
    use: str = "commercial"
    budget: float | None = None
    purchase: float | None = None
    spot: float = 0.0
    electricity: float = 0.15
    staff_hour: float = 75.0
    write_off: int = 36
    quantization: str = "auto"
    engine: str = "auto"
    owned: Owned | None = None
    weights: Weights = field(default_factory=Weights)

    @property
    def load(self) -> Load:
        return Load(self.concurrency, self.prompt, self.output)

    @property
    def tokens(self) -> int:
        """Of the longest request that is planned for."""
        return self.prompt + self.output

    @property
    def answer_seconds(self) -> float:
        """How long one answer keeps a place busy, whatever machine gives it: what rates are reckoned by."""
        return self.output * min(self.itl, ANSWER_SECONDS_PER_TOKEN)

    @property
    def requests_per_month(self) -> float:
        return self.concurrency / self.answer_seconds * self.busy_hours * 3600

    @property
    def busy_hours(self) -> float:
        """A month."""
        return HOURS_PER_MONTH * self.hours_per_day / 24

    @property
    def open_ended(self) -> bool:
        return self.task in OPEN_TASKS


def need_of(spec: Spec) -> Need:
    """The need that a spec states. Raises SpecError for a budget in a currency without a rate to USD."""
    work, money, owned = spec.workload, spec.budget, spec.own
    return Need(
        concurrency=_concurrency(spec),
        prompt=work.prompt_tokens,
        output=work.output_tokens,
        ttft=work.slo.ttft_p95,
        itl=work.slo.itl_p95,
        e2e=work.slo.e2e_p95,
        hours_per_day=work.hours_per_day,
        policy=spec.data.policy,
        connectivity=spec.data.connectivity,
        task=work.task,
        use=spec.model.use,
        budget=_usd(money.monthly, money.usd_rate, "budget.monthly"),
        purchase=_usd(money.purchase, money.usd_rate, "budget.purchase"),
        spot=spec.cloud.spot,
        electricity=money.electricity,
        staff_hour=money.staff_hour,
        write_off=money.write_off,
        quantization=spec.model.quantization,
        engine=spec.engine if spec.engine in LANGUAGE_ENGINES else "auto",
        owned=Owned(owned.hosts, owned.accelerator, owned.per_host) if owned.hosts else None,
        weights=Weights(**spec.choice.weights.model_dump()),
    )


def _concurrency(spec: Spec) -> float:
    """As given, or of so many users who ask, read and ask again: users x answer / (answer + think time)."""
    work = spec.workload
    if work.users is None:
        return float(work.concurrency)
    answer = work.output_tokens * min(work.slo.itl_p95, ANSWER_SECONDS_PER_TOKEN)
    return max(1.0, work.users * answer / (answer + work.think_time))


def _usd(amount: Money | None, rate: float | None, path: str) -> float | None:
    if amount is None:
        return None
    if amount.currency == "USD":
        return amount.amount
    if rate is None:
        raise SpecError(
            [Problem(path, f"{amount} cannot be compared: prices are known in USD", "add budget.usd_rate: USD for 1 "
                     f"{amount.currency}")],
            "spec",
        )  # fmt: skip
    return amount.amount * rate
