"""What went wrong with a hub, in words, and what to do about it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from llmdeploy.errors import LlmdeployError, MissingError, StepError

LOG_IN = "log in with `hf auth login` or set HF_TOKEN"
SHOWN = 12
"""File names listed in one message."""


def explain(error: Exception, repository: str, endpoint: str, asked: str = "") -> LlmdeployError:
    """The error to raise for one that huggingface_hub or httpx2 raised; `asked` is the file or revision asked for."""
    from huggingface_hub import errors

    if isinstance(error, errors.OfflineModeIsEnabled):
        return MissingError(
            f"{repository} is not on this machine yet, and HF_HUB_OFFLINE forbids fetching it",
            "unset HF_HUB_OFFLINE, or give the path of a model that is here",
        )
    if isinstance(error, errors.HfHubHTTPError):
        return _refused(error, repository, endpoint, asked)
    reason = str(error) or type(error).__name__
    return MissingError(
        f"{repository}: cannot reach the model hub at {endpoint} ({reason})",
        "check the network, HTTPS_PROXY and HF_ENDPOINT, or give the path of a model that is here",
    )


def _refused(error: Exception, repository: str, endpoint: str, asked: str) -> LlmdeployError:
    from huggingface_hub import errors

    status = getattr(getattr(error, "response", None), "status_code", 0)
    page = f"{endpoint}/{repository}"
    if isinstance(error, errors.GatedRepoError):
        return MissingError(f"{repository} is gated (HTTP {status})", f"accept its licence at {page}, then {LOG_IN}")
    if isinstance(error, errors.RevisionNotFoundError):
        return MissingError(f"{repository} has no revision {asked}", f"see {page}/commits/main")
    if isinstance(error, errors.RemoteEntryNotFoundError):
        return MissingError(f"{repository} has no file {asked}", f"see {page}/tree/main")
    if isinstance(error, errors.RepositoryNotFoundError) or status == 404:
        return MissingError(f"no model {repository} at {endpoint}", f"check the name; if it is private, {LOG_IN}")
    if status in (401, 403):
        return MissingError(
            f"{repository}: the hub refuses access (HTTP {status})",
            f"{LOG_IN}; if the model is gated, accept its licence at {page}",
        )
    if status == 429:
        return StepError(
            f"{repository}: the hub limits how much is fetched (HTTP 429)",
            f"wait some minutes and run again; {LOG_IN} for a higher limit",
        )
    return StepError(f"{repository}: the hub answered HTTP {status}", "run again later; what has arrived is kept")


def no_such_file(name: str, names: Iterable[str], where: str) -> MissingError:
    """The error for a file that is not there, with near names, else what there is."""
    there = sorted(names)
    near = difflib.get_close_matches(name, there, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(near)}?" if near else f"there is {listed(there)}"
    return MissingError(f"{where} has no file {name}", hint)


def listed(names: Iterable[str]) -> str:
    """The names in one line, the first dozen of them."""
    there = sorted(names)
    if not there:
        return "nothing"
    more = f" and {len(there) - SHOWN} more" if len(there) > SHOWN else ""
    return ", ".join(there[:SHOWN]) + more
