"""A row of the comparison as the plan of a deployment."""

from __future__ import annotations

from llmdeploy.methods.decide import Decision
from llmdeploy.methods.licences import condition
from llmdeploy.methods.offer import Offer
from llmdeploy.methods.row import Row
from llmdeploy.methods.words import usd
from llmdeploy.plan import Alternative, Memory, MemoryPart, ModelFormat, ModelRef, ModelSource, Plan, Prediction
from llmdeploy.sizing.catalogue.models import GgufFile, Model
from llmdeploy.sizing.catalogue.rows import key_of
from llmdeploy.spec import Spec
from llmdeploy.spec.rules import PATH_STARTS

GIB = 2**30


def plan_of(decision: Decision, spec: Spec) -> Plan:
    """The plan that the chosen row stands for. Only rows with an offer become plans of a language model."""
    row = decision.chosen
    offer = row.offer
    if offer is None:
        raise ValueError(f"{row.name} has no offer")
    weights = _model(offer, spec)
    return Plan(
        name=spec.name,
        target=row.target,
        spec=spec.model_dump(mode="json"),
        model=weights,
        served_name=spec.access.served_name or spec.model.id.rsplit("/", 1)[-1],
        variant=offer.variant.quantization.name,
        engine=offer.variant.engine,
        context=offer.sized.context,
        slots=max(1, int(offer.served.batch)),
        threads=0,
        host=spec.access.host,
        port=spec.access.port,
        memory=_memory(offer),
        accelerators=(f"{offer.hardware.count} x {offer.hardware.accelerator.title}",),
        replicas=offer.replicas,
        price_per_month=round(row.month, 2),
        purchase=round(row.price.purchase, 2) if row.price else 0.0,
        machines=offer.machines,
        instance=offer.hardware.name,
        region=offer.hardware.region,
        tensor_parallel=offer.layout.tensor,
        pipeline_parallel=offer.layout.pipeline,
        predicted=Prediction(offer.ttft, offer.served.itl, offer.tokens_per_second, offer.headroom),
        reasons=_reasons(decision, row, offer),
        warnings=warnings_about(decision.model, weights),
        alternatives=tuple(Alternative(one.name, _why_not(one)) for one in decision.rows if one is not row),
    )


def _model(offer: Offer, spec: Spec) -> ModelRef:
    model = offer.variant.model
    file = _file(offer)
    asked = spec.model.id if "/" in spec.model.id else model.repository  # a repository may have weights of its own
    if file and key_of(asked) in {key_of(model.repository), key_of(file.repository)}:
        known: ModelSource = "bundled" if model.bundled else "hub"
        return ModelRef(
            spec.model.id, known, file.repository, "gguf", file.size_bytes, file.revision, file.file, file.sha256
        )  # fmt: skip
    kind: ModelFormat = "gguf" if offer.variant.quantization.gguf else "safetensors"
    location = model.repository if key_of(asked) == key_of(model.repository) else asked
    source: ModelSource = "path" if location.startswith(PATH_STARTS) or location.count("/") != 1 else "hub"
    return ModelRef(spec.model.id, source, location, kind, offer.variant.weight_bytes, spec.model.revision)


def _file(offer: Offer) -> GgufFile | None:
    wanted = offer.variant.quantization.name
    return next((one for one in offer.variant.model.files if one.quantization.lower() == wanted), None)


def _memory(offer: Offer) -> Memory:
    """Of one device."""
    sized = offer.sized
    needed = sized.kv_bytes_per_token * sized.context * offer.served.batch / offer.layout.devices
    parts = (
        MemoryPart("weights", int(sized.weights), f"{offer.variant.name}, {offer.layout.devices} device(s) a replica"),
        MemoryPart("kv cache", int(min(needed, sized.cache)), f"{offer.served.batch:.0f} x {sized.context} tokens"),
        MemoryPart("activations", int(sized.activation), "the largest of a profile run"),
        MemoryPart("runtime", int(sized.non_torch + sized.graphs), "context, libraries and graphs"),
    )
    return Memory(parts=parts, available_bytes=int(sized.usable))


def _reasons(decision: Decision, row: Row, offer: Offer) -> tuple[str, ...]:
    place = f"{row.name}: score {row.score:.2f}" + (f", pinned to {decision.pinned}" if decision.pinned else "")
    against = () if row is decision.best else (f"the best is {decision.best.name}: {usd(decision.best.month)} a month",)
    cut = f"tensor parallel {offer.layout.tensor}, pipeline parallel {offer.layout.pipeline}"
    size = f"{offer.replicas} replica(s), {cut}: {offer.headroom:.0%} of the places free on average"
    return (place, *against, size, *row.pros)


def warnings_about(model: Model, weights: ModelRef) -> tuple[str, ...]:
    """What must be known before anything is spent: licence, gated access of the repository that the weights are in."""
    said = []
    if condition(model.license):
        said.append(f"licence {model.license}: {condition(model.license)}")
    if model.gated and weights.location == model.repository:
        said.append(f"{model.repository} is gated: accept its terms on the hub, and set HF_TOKEN before deploy")
    return tuple(said)


def _why_not(row: Row) -> str:
    if row.reason:
        return row.reason
    return f"score {row.score:.2f}, {usd(row.month)} a month"
