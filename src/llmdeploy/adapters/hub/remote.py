"""Requests to a model hub, over the HTTP session of huggingface_hub.

That session brings `HF_ENDPOINT`, `HF_HUB_OFFLINE`, proxies and the hub's error codes. Headers are made here instead:
`build_hf_headers` of version 2.4 fetches a registry of coding agents and writes it under the user's home, unless an
environment variable that switches telemetry off is set before the import. Nothing is set in `os.environ`.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from llmdeploy.adapters.hub.model import check_repository
from llmdeploy.adapters.hub.refusals import explain
from llmdeploy.errors import MissingError, StepError
from llmdeploy.secret import Secret

if TYPE_CHECKING:
    import httpx2

WAITS = (0.5, 1.0, 2.0, 4.0)
"""Seconds before each further try; the count starts again whenever bytes arrive."""
RETRIED = (408, 429, 500, 502, 503, 504)
LONGEST_WAIT = 60.0
ANSWER_BYTES = 32 * 1024 * 1024
"""The longest answer of the API that is read: model info of the largest repositories is a few MB."""


@dataclass(frozen=True)
class Remote:
    """One repository of a hub: the hub's address without a slash at the end, and the token sent (none: anonymous)."""

    repository: str
    endpoint: str
    token: Secret | None

    def url_of(self, revision: str, file: str) -> str:
        return f"{self.endpoint}/{self.repository}/resolve/{quote(revision, safe='')}/{quote(file)}"

    @contextmanager
    def in_words(self, asked: str = "") -> Iterator[None]:
        """Turn what huggingface_hub and httpx2 raise into an error for the user; `asked`: the file or revision."""
        import httpx2
        from huggingface_hub.errors import OfflineModeIsEnabled

        try:
            yield
        except (httpx2.HTTPError, httpx2.InvalidURL, OfflineModeIsEnabled) as error:
            raise explain(error, self.repository, self.endpoint, asked) from error

    @contextmanager
    def get(self, url: str, **headers: str) -> Iterator[httpx2.Response]:
        """One GET, streamed; follows redirects, and drops the token where they leave the hub.

        Raises what huggingface_hub and httpx2 raise; wrap in `in_words`.
        """
        from huggingface_hub import constants, get_session, hf_raise_for_status

        sent = {"Accept-Encoding": "identity", "User-Agent": _user_agent(), **headers}
        if self.token is not None:
            sent["Authorization"] = f"Bearer {self.token.reveal()}"
        timeout = constants.HF_HUB_DOWNLOAD_TIMEOUT
        with get_session().stream("GET", url, headers=sent, timeout=timeout) as answer:
            if answer.status_code >= 400:
                answer.read()
            hf_raise_for_status(answer)
            yield answer

    def get_json(self, path: str) -> Any:
        """The JSON answer of an API path, tried again where the hub is busy."""
        patience = Patience()
        while True:
            try:
                with self.get(self.endpoint + path) as answer:
                    return _read_json(answer)
            except patience.errors as error:
                patience.wait(error)


def connect(repository: str, token: Secret | None, endpoint: str | None) -> Remote:
    """A repository at `endpoint` (else `HF_ENDPOINT`, else huggingface.co).

    `token` comes before `HF_TOKEN`, that before the stored login. Raises MissingError for what cannot be a repository.
    """
    from huggingface_hub import constants
    from huggingface_hub.utils import logging

    check_repository(repository)
    # Its warnings would break the progress line, and errors are worded here.
    logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    return Remote(repository, (endpoint or constants.ENDPOINT).rstrip("/"), token or _stored_token())


def _stored_token() -> Secret | None:
    from huggingface_hub import constants, get_token
    from huggingface_hub.errors import OIDCError

    if constants.HF_HUB_DISABLE_IMPLICIT_TOKEN:
        return None
    try:
        token = get_token()
    except OSError:
        return None  # a home that cannot be read holds no login; a repository that needs one answers 401
    except OIDCError as error:
        raise MissingError(f"no Hugging Face token through OIDC: {error}", "unset HF_OIDC_RESOURCE") from error
    return Secret(token) if token else None


class Patience:
    """Waits between tries; raises the error again where waiting does not help, or after too many failures in a row."""

    def __init__(self) -> None:
        import httpx2
        from huggingface_hub.errors import HfHubHTTPError

        self._unreachable = httpx2.ConnectError
        self.errors: tuple[type[Exception], ...] = (
            httpx2.NetworkError,
            httpx2.TimeoutException,
            httpx2.RemoteProtocolError,
            HfHubHTTPError,
        )
        self._failures = 0

    def progressed(self) -> None:
        self._failures = 0

    def wait(self, error: Exception) -> None:
        response = getattr(error, "response", None)
        hopeless = response is not None and response.status_code not in RETRIED
        if hopeless or self._failures >= len(WAITS):
            raise error
        asked = response.headers.get("Retry-After", "") if response is not None else ""
        time.sleep(min(float(asked), LONGEST_WAIT) if asked.isdigit() else WAITS[self._failures])
        # Nobody listening is rarely cured by waiting, and the user is told sooner.
        self._failures += 2 if isinstance(error, self._unreachable) else 1


def _user_agent() -> str:
    import huggingface_hub

    from llmdeploy import __version__

    return f"llmdeploy/{__version__}; hf_hub/{huggingface_hub.__version__}"


def _read_json(answer: httpx2.Response) -> Any:
    import json

    text = bytearray()
    for piece in answer.iter_bytes():
        text += piece
        if len(text) > ANSWER_BYTES:
            raise StepError(f"{answer.url}: the answer is over {ANSWER_BYTES >> 20} MiB", "check HF_ENDPOINT")
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        hint = "check HF_ENDPOINT, and whether a proxy or a login page answers in its place"
        raise StepError(f"{answer.url}: the answer is not JSON, so this is no model hub", hint) from error
