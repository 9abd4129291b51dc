"""Reads a log from standard input and prints its last words: one line for an error message."""

from __future__ import annotations

import sys

from llmdeploy.last_words import last_words


def main() -> int:
    sys.stdout.write(f"{last_words(sys.stdin.read())}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
