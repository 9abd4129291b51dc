"""Figures as people read them, always with their unit."""

from __future__ import annotations

import time

BINARY = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")


def plain(value: float) -> str:
    """Three digits, more only where they stand before the point: 0.0421, 4.21, 42.1, 421, 4,210."""
    if value == 0:
        return "0"
    size = abs(value)
    if size >= 1e9 or size < 1e-4:
        return f"{value:.3g}"
    if size >= 99.95:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def milliseconds(value: float) -> str:
    return f"{plain(value)} ms"


def seconds(value: float) -> str:
    """From under 1 ms to 3 h 20 min."""
    if value <= 0:
        return "0 s"
    if value < 0.001:
        return "under 1 ms"
    if value < 1:
        return f"{1000 * value:.0f} ms"
    if value < 99.95:
        return f"{value:.3g} s"
    minutes, rest = divmod(round(value), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60:,} h {minutes % 60} min"


def size(value: float) -> str:
    """Bytes in the unit that leaves at most four digits before the point."""
    for unit in BINARY[:-1]:
        if abs(value) < 1000:
            return f"{plain(value)} {unit}"
        value /= 1024
    return f"{plain(value)} {BINARY[-1]}"


def share(value: float) -> str:
    """A share from 0 to 1 in percent; 100 % only where nothing is missing."""
    percent = 100 * value
    if 0 < percent < 0.1:
        return "under 0.1 %"
    if 99.9 < percent < 100:
        return "over 99.9 %"
    return f"{plain(percent)} %"


def dollars(value: float) -> str:
    if abs(value) >= 1e9:
        return f"{plain(value)} USD"
    return f"{value:,.0f} USD" if abs(value) >= 100 or value == int(value) else f"{value:,.2f} USD"


def moment(epoch: float) -> str:
    """Seconds since the epoch as a time that means the same everywhere; empty beyond the calendar."""
    try:
        return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(epoch))
    except (OverflowError, ValueError, OSError):
        return ""
