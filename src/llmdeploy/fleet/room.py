"""A changed model or engine beside what runs: whether hosts have it already, and whether it fits where not."""

from __future__ import annotations

from collections.abc import Mapping

from llmdeploy.adapters.weights.from_hub import stored
from llmdeploy.deployment import Deployment
from llmdeploy.errors import MissingError
from llmdeploy.fleet.brought_model import artifact_of_weights
from llmdeploy.fleet.preflight import Wanted, deployed, no_room
from llmdeploy.fleet.record import Answered
from llmdeploy.fleet.variables import image_of
from llmdeploy.fleet.wheels import engines_brought
from llmdeploy.plan import ModelRef
from llmdeploy.run import Recorder


def known_digest(ref: ModelRef, deployment: Deployment, recorder: Recorder) -> str:
    """Under which digest the weights lie on hosts; empty where they would have to be downloaded to know it."""
    running = deployment.state.load_deployed()
    if running is None:
        return ""
    if ref.source != "hub" or stored(ref, deployment.models):
        return artifact_of_weights(ref, deployment, recorder).digest
    known = deployment.state.load_outputs().get("model_artifact", {}) if running.model == ref else {}
    return str(known.get("digest", ""))


def set_up(engine: str, image: str, deployment: Deployment) -> bool:
    """Whether hosts have what that engine runs in: it serves there, or setup has brought its environment."""
    running = deployment.state.load_deployed()
    if running and (running.engine, image_of(running)) == (engine, image):
        return True
    return not image and engines_brought(deployment)


def refuse_a_roll(said: Mapping[str, Answered], wanted: Wanted) -> None:
    """A host that serves cannot be left out of a roll: its gateway would answer with two models.

    Raises MissingError where the new model, or a new engine, has no room beside what runs.
    """
    full = [
        f"{name}: {reason}"
        for name, member in said.items()
        if member.host.engine and deployed(member.facts, wanted)
        for reason in no_room(member.facts, wanted)
    ]
    if full:
        hint = "free some there, or choose a smaller model or quantization; nothing was changed"
        raise MissingError("; ".join(full), hint)
