"""Problems of a spec, gathered into one error."""

from __future__ import annotations

from collections.abc import Iterable

from llmdeploy.errors import Problem, SpecError

COMMAND_LINE = "command line"
MOST_PROBLEMS = 100


def spec_error(problems: Iterable[Problem], source: str) -> SpecError:
    """The error with every problem once, in the order of the lines; after a hundred, only how many more there are."""
    different = sorted(dict.fromkeys(problems), key=lambda problem: problem.line or 0)
    if all(problem.source for problem in different):
        source = COMMAND_LINE
    rest = len(different) - MOST_PROBLEMS
    if rest > 0:
        more = Problem("spec", f"there are {rest} more problems", "is this the right file?")
        different = [*different[:MOST_PROBLEMS], more]
    return SpecError(different, source)
