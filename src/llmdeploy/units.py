"""Units that people write: durations in seconds, sizes in bytes, money. Pure; what is written here reads back equal."""

from __future__ import annotations

import re
from typing import NamedTuple

AMOUNT = r"([0-9]{1,15}(?:\.[0-9]{1,15})?)"
DURATION_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
SIZE_UNITS = {
    "B": 1,
    "KB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "TB": 10**12,
    "KiB": 2**10,
    "MiB": 2**20,
    "GiB": 2**30,
    "TiB": 2**40,
}
CURRENCIES = ("USD", "EUR", "GBP")
_SYMBOLS = {"$": "USD", "€": "EUR", "£": "GBP"}

DURATION_PATTERN = rf"{AMOUNT} ?(ms|s|m|h|d)"
SIZE_PATTERN = rf"{AMOUNT} ?([Bb]|[KkMmGgTt][Ii]?[Bb])"
MONEY_PATTERN = (
    r"([0-9]{1,12}(?:\.[0-9]{1,2})?) ?([Uu][Ss][Dd]|[Ee][Uu][Rr]|[Gg][Bb][Pp])|([$€£]) ?([0-9]{1,12}(?:\.[0-9]{1,2})?)"
)


class Money(NamedTuple):
    """An amount in a currency of `CURRENCIES`, to the cent."""

    amount: float
    currency: str

    def __str__(self) -> str:
        whole = float(self.amount).is_integer()
        return f"{self.amount:.0f} {self.currency}" if whole else f"{self.amount:.2f} {self.currency}"


def parse_duration(text: str) -> float | None:
    """Seconds, to the microsecond (`1.5 s` is 1.5); None where the text is no duration."""
    match = re.fullmatch(DURATION_PATTERN, text)
    return round(float(match[1]) * DURATION_UNITS[match[2]], 6) if match else None


def known_duration(text: str) -> float:
    """Seconds of a text that a checked spec holds. Raises ValueError for any other: that would be a bug."""
    seconds = parse_duration(text)
    if seconds is None:
        raise ValueError(f"{text!r} is not a duration")
    return seconds


def format_duration(seconds: float) -> str:
    """The shortest usual way to write seconds: 0.2 is `200ms`, 90.0 is `90s`, 7200.0 is `2h`."""
    for unit in ("d", "h", "m"):
        if seconds and seconds % DURATION_UNITS[unit] == 0:
            return f"{seconds / DURATION_UNITS[unit]:.0f}{unit}"
    thousandths = round(seconds * 1000, 3)
    if seconds < 1 and thousandths.is_integer():
        return f"{thousandths:.0f}ms" if seconds else "0s"
    return f"{seconds:.6f}".rstrip("0").rstrip(".") + "s"


def parse_size(text: str) -> int | None:
    """Bytes (`1.5 GiB` is 1610612736; upper and lower case mean the same); None where the text is no size."""
    match = re.fullmatch(SIZE_PATTERN, text)
    if not match:
        return None
    unit = match[2].upper().replace("IB", "iB")
    return round(float(match[1]) * SIZE_UNITS[unit])


def known_size(text: str) -> int:
    """Bytes of a text that a checked spec holds. Raises ValueError for any other: that would be a bug."""
    size = parse_size(text)
    if size is None:
        raise ValueError(f"{text!r} is not a size")
    return size


def format_size(size: int) -> str:
    """Bytes with the largest unit that leaves no fraction: 2**34 is `16GiB`, 500000000 is `500MB`."""
    for unit in ("TiB", "GiB", "MiB", "KiB", "TB", "GB", "MB", "KB"):
        if size and size % SIZE_UNITS[unit] == 0:
            return f"{size // SIZE_UNITS[unit]}{unit}"
    return f"{size}B"


def parse_money(text: str) -> Money | None:
    """`1500 USD`, `1500 EUR` or `$1500`; None where the text is no money."""
    match = re.fullmatch(MONEY_PATTERN, text)
    if not match:
        return None
    return Money(float(match[1]), match[2].upper()) if match[1] else Money(float(match[4]), _SYMBOLS[match[3]])


def counted(number: int, what: str) -> str:
    """`1 thread`, `4 threads`."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def size_text(size: float) -> str:
    """`1.5 GiB`, `350 MiB`, `112 KiB`: rounded to what a person compares."""
    if size >= SIZE_UNITS["GiB"]:
        return f"{size / SIZE_UNITS['GiB']:.1f} GiB"
    if size >= SIZE_UNITS["MiB"]:
        return f"{size / SIZE_UNITS['MiB']:.0f} MiB"
    return f"{size / SIZE_UNITS['KiB']:g} KiB"


def parameters_text(parameters: int) -> str:
    """`2.0 M`, `596 M`, `8.2 B`."""
    if parameters >= 10**9:
        return f"{parameters / 10**9:.1f} B"
    return f"{parameters / 10**6:.{0 if parameters >= 10**7 else 1}f} M"


def milliseconds(seconds: float) -> str:
    """ "350", "9.4", "0.83": two figures at least."""
    found = seconds * 1000
    return f"{found:,.0f}" if found >= 9.95 else f"{found:.2g}"
