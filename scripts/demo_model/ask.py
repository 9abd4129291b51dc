"""One question to an OpenAI-compatible endpoint, with nothing but the standard library."""

from __future__ import annotations

import json
from http.client import HTTPConnection, HTTPSConnection
from pathlib import Path
from urllib.parse import urlsplit

LONGEST_ANSWER = 120  # tokens; the five steps take 77
TIMEOUT = 60.0  # seconds


class Endpoint:
    """A served model. `url` is the root without `/v1`; the key comes from a file, not an argument."""

    def __init__(self, url: str, model: str, key_file: Path | None) -> None:
        parts = urlsplit(url)
        self._connection = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        self._host, self._port, self._path = parts.hostname or "", parts.port, parts.path.rstrip("/")
        self._model = model
        self._headers = {"Content-Type": "application/json"}
        if key_file:
            self._headers["Authorization"] = f"Bearer {key_file.read_text(encoding='utf-8').strip()}"

    def ask(self, question: str) -> str:
        """The answer at temperature 0, spaces around it removed. Raises OSError unless the status is 200."""
        body = {
            "model": self._model,
            "messages": [{"role": "user", "content": question}],
            "temperature": 0,
            "max_tokens": LONGEST_ANSWER,
        }
        connection = self._connection(self._host, self._port, timeout=TIMEOUT)
        try:
            connection.request("POST", f"{self._path}/v1/chat/completions", json.dumps(body), self._headers)
            response = connection.getresponse()
            text = response.read().decode()
        finally:
            connection.close()
        if response.status != 200:
            raise OSError(f"the endpoint answers {response.status}: {text[:200]}")
        return str(json.loads(text)["choices"][0]["message"]["content"]).strip()
