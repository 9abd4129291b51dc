"""Stands in for vLLM's server in a container image: the same module's name, arguments and paths, a fixed answer.

What is under test is how hosts fetch, run, change and remove an image; vLLM itself cannot be had in a test's minutes.
It runs inside the image with Python's own library alone.
"""

from __future__ import annotations

import argparse
import json
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

WORDS = ("This ", "server ", "stands ", "in ", "for ", "vLLM.")
METRICS = "vllm:num_requests_running 0\nvllm:num_requests_waiting 0\nvllm:generation_tokens_total 0\n"


class Handler(BaseHTTPRequestHandler):
    """Health and figures for everybody, the rest for who has the key."""

    protocol_version = "HTTP/1.1"
    server: Server

    def do_GET(self) -> None:
        if self.path == "/health":
            self.give(200, b"")
        elif self.path == "/metrics":
            self.give(200, METRICS.encode(), "text/plain")
        elif self.known():
            self.give_json(200, {"object": "list", "data": [{"id": self.server.model, "object": "model"}]})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if not self.known():
            return
        try:
            asked = json.loads(body)
            words = sum(len(message["content"].split()) for message in asked["messages"])
        except (ValueError, KeyError) as error:
            self.refuse(400, f"no request: {error}")
            return
        if words > self.server.context:
            self.refuse(400, f"{words} words are more than {self.server.context}")
            return
        answer = WORDS[: asked.get("max_tokens", len(WORDS))]
        usage = {"prompt_tokens": words, "completion_tokens": len(answer), "total_tokens": words + len(answer)}
        if asked.get("stream"):
            self.stream(answer, usage)
        else:
            message = {"role": "assistant", "content": "".join(answer)}
            choice = {"index": 0, "message": message, "finish_reason": "stop"}
            self.give_json(200, {"object": "chat.completion", "choices": [choice], "usage": usage})

    def stream(self, answer: tuple[str, ...], usage: dict[str, int]) -> None:
        events: list[dict[str, Any]] = [
            {"choices": [{"index": 0, "delta": {"content": word}, "finish_reason": None}]} for word in answer
        ]
        events += [{"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}, {"choices": [], "usage": usage}]
        lines = [*(json.dumps(event) for event in events), "[DONE]"]
        self.give(200, "".join(f"data: {line}\n\n" for line in lines).encode(), "text/event-stream")

    def known(self) -> bool:
        if self.headers.get("Authorization") == f"Bearer {self.server.key}":
            return True
        self.refuse(401, "Unauthorized")
        return False

    def refuse(self, status: int, message: str) -> None:
        self.give_json(status, {"error": {"message": message}})

    def give_json(self, status: int, content: dict[str, Any]) -> None:
        self.give(status, json.dumps(content).encode(), "application/json")

    def give(self, status: int, content: bytes, kind: str = "text/plain") -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet, as vLLM is told to be."""


class Server(ThreadingHTTPServer):
    """What the arguments and the environment said."""

    def __init__(self, address: tuple[str, int], model: str, context: int, key: str) -> None:
        super().__init__(address, Handler)
        self.model, self.context, self.key = model, context, key

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is no news."""


def main() -> None:
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--served-model-name", required=True)
    parser.add_argument("--host", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--max-model-len", type=int, required=True)
    parser.add_argument("--max-num-seqs", type=int, required=True)
    parser.add_argument("--tensor-parallel-size", type=int, required=True)
    parser.add_argument("--disable-uvicorn-access-log", action="store_true")
    given = parser.parse_args()
    json.loads((given.model / "config.json").read_bytes())
    Path(os.environ["VLLM_CACHE_ROOT"]).mkdir(exist_ok=True)
    key = os.environ["VLLM_API_KEY"]
    Server((given.host, given.port), given.served_model_name, given.max_model_len, key).serve_forever()


if __name__ == "__main__":
    main()
