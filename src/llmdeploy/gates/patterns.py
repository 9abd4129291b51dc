"""Asks the pattern process, and ends it when it takes too long.

A regular expression can take years (`(a+)+$` against forty letters), and Python's `re` holds the interpreter's lock
all the while: neither a thread nor asyncio's timeout can stop it. A process can be killed.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

PROGRAM = Path(__file__).with_name("pattern_process.py")
PATIENCE_S = 2.0  # for one rule, starting the process included
LONGEST_TEXT = 100_000  # characters of an answer that are matched


class Patterns:
    """Matches one text after another; the process starts with the first and ends with the `async with` block."""

    def __init__(self, patience_s: float = PATIENCE_S) -> None:
        self._patience_s = patience_s
        self._process: asyncio.subprocess.Process | None = None
        self._turn = asyncio.Lock()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._end()

    async def wrong(self, kind: Literal["regex", "json_schema"], rule: Any, text: str) -> str:
        """What is wrong with the text under the rule; empty if nothing."""
        asked = json.dumps({"kind": kind, "rule": rule, "text": text[:LONGEST_TEXT]}) + "\n"
        async with self._turn:
            try:
                async with asyncio.timeout(self._patience_s):
                    return await self._ask(asked)
            except TimeoutError:
                await self._end()
                return f"{kind} took longer than {self._patience_s:g} s"
            except (ConnectionError, EOFError):
                await self._end()
                return f"{kind} could not be checked: the process that does it died"

    async def _ask(self, asked: str) -> str:
        if self._process is None:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-I", str(PROGRAM), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
            )  # fmt: skip
        stdin, stdout = self._process.stdin, self._process.stdout
        if stdin is None or stdout is None:
            raise RuntimeError("the pattern process has no pipes")
        stdin.write(asked.encode())
        if not (line := await stdout.readline()):
            raise EOFError
        return str(json.loads(line))

    async def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        if process.returncode is None:
            process.kill()
        await process.wait()
