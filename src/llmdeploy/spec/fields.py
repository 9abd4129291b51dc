"""The fields of a spec. Everything that `llmdeploy.yaml` may say stands here: kind, default, description."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from llmdeploy.spec.hosts_fields import Hosts
from llmdeploy.spec.kinds import Choice, Number, Text, Whole
from llmdeploy.spec.scalars import Unclear
from llmdeploy.spec.section import HOST, INSIDE, LINE, NAME, Section
from llmdeploy.spec.unit_kinds import Duration, Price, Size
from llmdeploy.units import Money

TargetName = Literal["local", "auto", "onprem", "edge", "aws", "azure", "gcp", "kubernetes", "hybrid"]
TARGETS = ("local", "auto", "onprem", "edge", "aws", "azure", "gcp", "kubernetes", "hybrid")
TASKS = ("chat", "generation", "summarization", "extraction", "classification", "routing", "faq")
ENGINES = ("auto", "llamacpp", "vllm", "rules", "classifier")
QUANTIZATIONS = (
    "auto", "f32", "f16", "bf16", "fp8", "int8", "int4", "awq", "gptq", "bitsandbytes", "mxfp4", "nvfp4",
    "q2_k", "q3_k_s", "q3_k_m", "q3_k_l", "q4_0", "q4_1", "q4_k_s", "q4_k_m", "q5_0", "q5_1", "q5_k_s", "q5_k_m",
    "q6_k", "q8_0", "iq1_s", "iq1_m", "iq2_xxs", "iq2_xs", "iq2_s", "iq2_m", "iq3_xxs", "iq3_xs", "iq3_s", "iq3_m",
    "iq4_xs", "iq4_nl", "tq1_0", "tq2_0",
)  # fmt: skip
"""`auto`, the types of GGUF files (llama.cpp, tools/quantize/README.md) and the formats that vLLM reads
(docs.vllm.ai, Features, Quantization)."""

QUANTIZATION_HINT = "write auto, or a format such as q4_k_m, q8_0, f16, bf16, fp8, awq, gptq or mxfp4"


class ModelChoice(Section):
    """Which language model to serve: a short name, a repository of the Hugging Face hub, or a path."""

    id: Annotated[
        str,
        Text(
            "a model's name",
            rf"(?! )(?!.* $)(?!$){LINE}",
            "write a short name, an owner/name of the hub, or a path: qwen3-0.6b",
            512,
        ),
    ] = Field(
        default="demo",
        description="a short name (demo, qwen3-0.6b), an owner/name of the Hugging Face hub, a path, or auto",
    )
    revision: Annotated[
        str, Text("a commit hash", r"|[0-9A-Fa-f]{7,40}", 'write 7 to 40 hex digits in quotes: "1a2b3c4d"', 40)
    ] = Field(
        default="",
        description="commit of the repository, in quotes; empty: the one that is pinned, or the newest",
        examples=["1a2b3c4d5e6f"],
    )
    file: Annotated[
        str,
        Text(
            "a path inside the repository",
            INSIDE,
            "write it without / in front and without ..: Qwen3-0.6B-Q8_0.gguf",
            512,
        ),
    ] = Field(
        default="",
        description="which file of the repository; empty: chosen by quantization",
        examples=["Qwen3-0.6B-Q8_0.gguf"],
    )
    quantization: Annotated[str, Choice(QUANTIZATIONS, any_case=True, hint=QUANTIZATION_HINT)] = Field(
        default="auto", description="how the weights are stored: auto, q4_k_m, q8_0, f16, bf16, fp8, awq, ..."
    )
    use: Annotated[str, Choice(("commercial", "research"))] = Field(
        default="commercial", description="what for: commercial leaves out licences that forbid it, or research"
    )

    @model_validator(mode="before")
    @classmethod
    def _name_alone(cls, value: Any) -> Any:
        return {"id": value} if isinstance(value, str | int | float | Unclear) else value


class Slo(Section):
    """What users are promised; the load gate and the monitor measure against it."""

    ttft_p95: Annotated[float, Duration("1ms", "1h")] = Field(
        default=2.0, description="time to the first token, for 95 of 100 requests"
    )
    itl_p95: Annotated[float, Duration("1ms", "1h")] = Field(
        default=0.2, description="time between two tokens, for 95 of 100 of them"
    )
    e2e_p95: Annotated[float | None, Duration("1ms", "1d", optional=True)] = Field(
        default=None, description="time to the whole answer, for 95 of 100 requests", examples=["30s"]
    )
    min_goodput: Annotated[float, Number(0, 1)] = Field(
        default=0.95, description="share of requests that must keep all of these, 0 to 1"
    )


class Workload(Section):
    """What the deployment is sized and tested for."""

    concurrency: Annotated[int, Whole(1, 4096)] = Field(default=4, description="requests served at once")
    prompt_tokens: Annotated[int, Whole(1, 10_000_000)] = Field(default=128, description="tokens of a usual prompt")
    output_tokens: Annotated[int, Whole(1, 1_000_000)] = Field(default=128, description="tokens of a usual answer")
    task: Annotated[str, Choice(TASKS)] = Field(default="chat", description=f"what is asked of it: {', '.join(TASKS)}")
    users: Annotated[int | None, Whole(1, 10_000_000, optional=True)] = Field(
        default=None,
        description="people who ask, read and ask again; prepare counts with them in place of concurrency",
        examples=[200],
    )
    think_time: Annotated[float, Duration("100ms", "1d")] = Field(
        default=30.0, description="how long a user reads before the next question"
    )
    hours_per_day: Annotated[float, Number(0.1, 24)] = Field(
        default=24.0, description="hours of a day that it is used; rented machines are counted for these"
    )
    slo: Slo = Field(default=Slo(), description="what users are promised")


class Resources(Section):
    """The most that serving may take."""

    memory: Annotated[int | None, Size("16MiB", "64TiB", optional=True)] = Field(
        default=None, description="the most memory that serving may take; default: what is free", examples=["4GiB"]
    )
    threads: Annotated[int | None, Whole(1, 4096, optional=True)] = Field(
        default=None, description="compute threads of the engine; default: one per free core", examples=[4]
    )


class Data(Section):
    """Where prompts and answers may go."""

    policy: Annotated[str, Choice(("any", "private"))] = Field(
        default="any", description="any, or private: prompts stay on machines of your own"
    )
    connectivity: Annotated[str, Choice(("good", "poor", "none"))] = Field(
        default="good", description="from where the users are to the internet: good, poor or none"
    )


class Own(Section):
    """Machines with accelerators that are there already; prepare compares them with what can be rented or bought."""

    hosts: Annotated[int, Whole(0, 100_000)] = Field(default=0, description="how many; 0: none")
    accelerator: Annotated[
        str, Text("an accelerator", LINE, "write a name of `llmdeploy catalogue accelerators`: l40s", 80)
    ] = Field(default="", description="which accelerator is in each of them", examples=["l40s"])
    per_host: Annotated[int, Whole(1, 64)] = Field(default=1, description="how many are in each of them")


class Cloud(Section):
    """How machines are rented."""

    spot: Annotated[float, Number(0, 1)] = Field(
        default=0.0, description="share of the machines that may be taken away (spot), 0 to 1"
    )


class ChoiceWeights(Section):
    """How much each part of the score counts; only their proportions matter."""

    cost: Annotated[float, Number(0, 100)] = Field(default=0.35, description="price per month")
    speed: Annotated[float, Number(0, 100)] = Field(default=0.2, description="distance to the SLO")
    quality: Annotated[float, Number(0, 100)] = Field(default=0.25, description="published scores of the model")
    control: Annotated[float, Number(0, 100)] = Field(default=0.1, description="machines and data of your own")
    ease: Annotated[float, Number(0, 100)] = Field(default=0.1, description="little to set up and to maintain")


class ChoiceOf(Section):
    """How prepare puts the methods in order."""

    weights: ChoiceWeights = Field(default=ChoiceWeights(), description="how much each part of the score counts")


class Budget(Section):
    """The most that the deployment may cost."""

    monthly: Annotated[Money | None, Price(optional=True)] = Field(
        default=None, description="the most per month; a plan that costs more is refused", examples=["1500 USD"]
    )
    purchase: Annotated[Money | None, Price(optional=True)] = Field(
        default=None, description="the most for buying hardware", examples=["40000 USD"]
    )
    usd_rate: Annotated[float | None, Number(0.0001, 10_000, optional=True)] = Field(
        default=None, description="USD for one unit of the budget's currency, where that is not USD", examples=[1.08]
    )
    electricity: Annotated[float, Number(0, 10)] = Field(default=0.15, description="USD for a kWh, for own hardware")
    staff_hour: Annotated[float, Number(0, 10_000)] = Field(
        default=75.0, description="USD for an hour of whoever looks after own hardware"
    )
    write_off: Annotated[int, Whole(1, 240)] = Field(default=36, description="months over which a purchase is counted")


class Access(Section):
    """Where the endpoint answers."""

    host: Annotated[
        str, Text("an address or a host name", HOST, "write it without scheme, port and path: 127.0.0.1", 253)
    ] = Field(default="127.0.0.1", description="address to listen on; 0.0.0.0 is every interface")
    port: Annotated[int, Whole(1, 65535)] = Field(default=8080, description="port to listen on")
    served_name: Annotated[
        str,
        Text("a served name", r"|[A-Za-z0-9][A-Za-z0-9._:/-]*", "write letters, digits and . _ : / -: my-model", 128),
    ] = Field(
        default="", description="model name in requests; default: the last part of model.id", examples=["my-model"]
    )


class Deploy(Section):
    """How the model is brought up."""

    timeout: Annotated[float | None, Duration("1s", "1d", optional=True)] = Field(
        default=None,
        description="the longest that the engine may take until its first answer; default: by the size of the weights",
        examples=["10m"],
    )


class Load(Section):
    """The load gate: closed loop (a fixed number of users), then open loop (arrivals at random, at a fixed rate)."""

    duration: Annotated[float, Duration("100ms", "1d")] = Field(default=2.0, description="length of each loop")
    rate: Annotated[float | None, Number(0.001, 100_000, optional=True)] = Field(
        default=None,
        description="requests per second of the open loop; default: 60 % of what the closed loop reached",
        examples=[2.5],
    )


class Gates(Section):
    """What the test step asks of the deployment."""

    golden: Annotated[str, Text("a path", LINE, "write a path on one line: golden.yaml")] = Field(
        default="",
        description="file of prompts and expected answers; default: the model's own, if any",
        examples=["golden.yaml"],
    )
    min_accuracy: Annotated[float, Number(0, 1)] = Field(
        default=0.9, description="share of golden prompts that must pass, 0 to 1"
    )
    load: Load = Field(default=Load(), description="the load gate")


class Monitor(Section):
    """The prober that watches the deployment."""

    interval: Annotated[float, Duration("1s", "1d")] = Field(default=30.0, description="time between two probes")
    port: Annotated[int, Whole(0, 65535)] = Field(
        default=0, description="port of its metrics; 0: a free one, chosen and kept"
    )
    history: Annotated[int, Size("1MiB", "1TiB")] = Field(
        default=64 * 2**20, description="the most disk that history may take"
    )


class Spec(Section):
    """What the user wants: one deployment of one language model."""

    name: Annotated[
        str, Text("a name", NAME, "write a to z, 0 to 9 and -, at most 40, beginning with a letter: my-llm", 40)
    ] = Field(default="demo", description="what the deployment is called: a to z, 0 to 9 and -")
    target: Annotated[TargetName, Choice(TARGETS)] = Field(
        default="local", description=f"where it runs: {', '.join(TARGETS)}"
    )
    model: ModelChoice = Field(default=ModelChoice(), description="which language model to serve")
    engine: Annotated[str, Choice(ENGINES)] = Field(default="auto", description=f"what serves it: {', '.join(ENGINES)}")
    workload: Workload = Field(default=Workload(), description="what it is sized and tested for")
    resources: Resources = Field(default=Resources(), description="the most that serving may take")
    data: Data = Field(default=Data(), description="where prompts and answers may go")
    hosts: Hosts = Field(default=Hosts(), description="machines of your own that SSH reaches")
    own: Own = Field(default=Own(), description="accelerators that are there already")
    cloud: Cloud = Field(default=Cloud(), description="how machines are rented")
    budget: Budget = Field(default=Budget(), description="the most that it may cost")
    choice: ChoiceOf = Field(default=ChoiceOf(), description="how prepare puts the methods in order")
    access: Access = Field(default=Access(), description="where the endpoint answers")
    deploy: Deploy = Field(default=Deploy(), description="how the model is brought up")
    test: Gates = Field(default=Gates(), description="what the test step asks of it")
    monitor: Monitor = Field(default=Monitor(), description="the prober that watches it")
