"""What every section of a spec is, and the patterns that several of them use."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, model_validator

NAME = r"[a-z]([a-z0-9-]{0,38}[a-z0-9])?"
LINE = r"[^\x00-\x1f\x7f-\x9f\u2028\u2029]*"
_OCTET = r"(25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])"
_LABEL = r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9])?"
HOST = (
    rf"{_OCTET}(\.{_OCTET}){{3}}"
    r"|[0-9A-Fa-f]{0,4}:[0-9A-Fa-f]{0,4}:[0-9A-Fa-f:.]{0,35}"
    rf"|({_LABEL}\.)*[A-Za-z]([A-Za-z0-9-]{{0,61}}[A-Za-z0-9])?"
)
INSIDE = rf"(?!/)(?!(.*/)?\.\.(/|$))(?!.*\\){LINE}"


class Section(BaseModel):
    """A closed group of fields; an empty section means its defaults."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _empty(cls, value: Any) -> Any:
        return {} if value is None else value
