"""Single small requests, where an event loop would cost more than the request."""

from __future__ import annotations

import http.client
import json
import ssl
from typing import Any
from urllib.parse import urlsplit

from llmdeploy.endpoint import Endpoint


def healthy(endpoint: Endpoint, timeout: float = 2.0) -> bool:
    """Whether the health path answers 200 now."""
    try:
        return _request(endpoint, "GET", endpoint.health_path, None, timeout)[0] == 200
    except (OSError, http.client.HTTPException):
        return False


def answers(endpoint: Endpoint, timeout: float) -> str:
    """Ask for one token; an empty text when it came, else why not."""
    body = {"model": endpoint.model, "messages": [{"role": "user", "content": "ping"}], "max_tokens": 1}
    try:
        status, text = _request(endpoint, "POST", "/v1/chat/completions", body, timeout)
    except (OSError, http.client.HTTPException) as error:
        return f"{type(error).__name__}: {error}"
    return "" if status == 200 else f"HTTP {status}: {text[:200]}"


def tls_of(endpoint: Endpoint) -> ssl.SSLContext | None:
    """What an `https` endpoint is checked against: its own authority, or those that the system knows."""
    if not endpoint.url.startswith("https://"):
        return None
    return ssl.create_default_context(cafile=endpoint.ca_file or None)


def _request(endpoint: Endpoint, method: str, path: str, body: Any, timeout: float) -> tuple[int, str]:
    address = urlsplit(endpoint.url)
    host, tls = address.hostname or "", tls_of(endpoint)
    connection = (
        http.client.HTTPSConnection(host, address.port, timeout=timeout, context=tls)
        if tls
        else http.client.HTTPConnection(host, address.port, timeout=timeout)
    )
    headers = {"Authorization": f"Bearer {endpoint.key.reveal()}", "Content-Type": "application/json"}
    try:
        connection.request(method, path, json.dumps(body) if body is not None else None, headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode(errors="replace")
    finally:
        connection.close()
