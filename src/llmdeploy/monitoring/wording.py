"""How figures are said to a person."""

from __future__ import annotations

import time

NOTHING = "-"


def duration(seconds: float | None) -> str:
    """`412 ms`, `2.1 s`, `3 min 12 s`, `5 h 2 min`, `3 d 4 h`."""
    if seconds is None:
        return NOTHING
    if seconds < 0.0995:
        return f"{seconds * 1000:.1f} ms"
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h"


def size(number: float | None) -> str:
    """Bytes in binary units: `31.2 MiB`."""
    if number is None:
        return NOTHING
    for unit in ("B", "KiB", "MiB"):
        if number < 1024:
            return f"{number:.0f} {unit}" if unit == "B" else f"{number:.1f} {unit}"
        number /= 1024
    return f"{number:.2f} GiB"


def share(part: float | None) -> str:
    """`99.5 %` of 0.995; never rounded up to 100 %."""
    if part is None:
        return NOTHING
    percent = part * 100
    if 99.95 <= percent < 100:
        return "99.9 %"
    return f"{percent:.0f} %" if percent == round(percent) else f"{percent:.1f} %"


def count(number: float | None, unit: str = "") -> str:
    if number is None:
        return NOTHING
    text = f"{number:.1f}" if number < 10 and number != round(number) else f"{number:,.0f}"
    return f"{text} {unit}".rstrip()


def clock(at: float) -> str:
    """Local time of day, with the date where it is not today's."""
    then, now = time.localtime(at), time.localtime()
    return time.strftime("%H:%M:%S" if then[:3] == now[:3] else "%Y-%m-%d %H:%M:%S", then)
