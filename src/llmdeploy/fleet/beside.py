"""What stays on hosts beside what runs: the artifacts and the image of what ran before, for a rollback, or of a plan
that failed, for the mended one. It is noted in the deployment's outputs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from llmdeploy.fleet.variables import Bundle


def with_what_stays(found: Bundle, outputs: Mapping[str, Any]) -> Bundle:
    """The bundle of a plan with all that is to stay beside it."""
    before = _before(found, outputs)
    keep = tuple(one for one in before["previous"] if one not in found.digests)
    models = outputs.get("models", ())
    image = before["previous_image"]
    return replace(
        found,
        keep=keep,
        keep_wheels=tuple(one for one in keep if one not in models),
        keep_images=(image,) if image and image != found.image else (),
    )


def after_roll(runs: Bundle, outputs: Mapping[str, Any]) -> dict[str, Any]:
    """To note once a plan runs."""
    before = _before(runs, outputs)
    models = [one for one in outputs.get("models", ()) if one in before["previous"]]
    return {
        "artifacts": sorted(runs.digests),
        "image": runs.image,
        "models": sorted({*_model(runs), *models}),
        **before,
    }


def after_failure(failed: Bundle, outputs: Mapping[str, Any]) -> dict[str, Any]:
    """To note once hosts have gone back from a plan that failed: what it brought takes the place of what was before."""
    noted: dict[str, Any] = {}
    if artifacts := sorted(failed.digests - set(outputs.get("artifacts", ()))):
        noted |= {"previous": artifacts, "models": sorted({*outputs.get("models", ()), *_model(failed)})}
    if failed.image and failed.image != outputs.get("image", ""):
        noted["previous_image"] = failed.image
    return noted


def _before(bundle: Bundle, outputs: Mapping[str, Any]) -> dict[str, Any]:
    """What ran before this bundle: where it runs already that is noted, else it is what runs now."""
    current = {"previous": list(outputs.get("artifacts", ())), "previous_image": outputs.get("image", "")}
    if (sorted(bundle.digests), bundle.image) == (current["previous"], current["previous_image"]):
        return {"previous": list(outputs.get("previous", ())), "previous_image": outputs.get("previous_image", "")}
    return current


def _model(bundle: Bundle) -> list[str]:
    return [bundle.model.digest] if bundle.model else []
