"""What a program said last, out of its log."""

from __future__ import annotations

import re

# Lines that speak of an error and do not name it: pydantic's, vLLM's API server's, and code in a traceback.
NOT_TELLING = ("For further information visit", "root cause", "raise ", 'File "')
EXCEPTION = re.compile(r"\s*([\w.]*(Error|Exception): |Value error, )")
LOG_PREFIX = re.compile(r"^\([\w-]+ pid=\d+\) [A-Z]+ \S+ \S+ \[[^]]*\] *")  # vLLM's


def last_words(log: str) -> str:
    """The last line with an exception, or else one that speaks of an error, or else the last of all."""
    lines = [LOG_PREFIX.sub("", line) for line in log.strip().splitlines()]
    telling = [line for line in lines if "error" in line.lower() or "failed" in line.lower()]
    telling = [line for line in telling if not any(noise in line for noise in NOT_TELLING)]
    exceptions = [line for line in telling if EXCEPTION.match(line)]
    return (exceptions or telling or lines or ["it wrote nothing"])[-1].strip()[:300]
