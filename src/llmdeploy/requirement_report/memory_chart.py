"""The memory of one device as one bar; what is needed of it once more, larger, where it is little."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from llmdeploy.html_report.drawing import WIDTH, axis_below, box, cut, frame, line, series, words
from llmdeploy.html_report.markup import Markup, joined
from llmdeploy.html_report.scales import Scale
from llmdeploy.html_report.units import plain, share
from llmdeploy.requirement_report.report import DeviceMemory, MemoryPart

BAR: Final = 24.0
TOP: Final = 34.0  # of the first bar
LITTLE: Final = 0.3  # of the device: with less its parts could not be told apart
ROW: Final = 19.0
LEAST_FOR_A_NUMBER: Final = 14.0


def memory_chart(memory: DeviceMemory) -> Markup:
    name, unit = memory.unit
    parts = [part for part in memory.parts if part.bytes > 0]
    share_ = share(memory.needed / memory.total)
    head = f"{_said(memory, memory.needed)} needed of {_said(memory, memory.total)} ({share_})"
    whole = Scale(0.0, memory.total / unit, 0.0, WIDTH)
    axis, y = _axis(whole, TOP, f"{name} of the device")
    drawn = [words(0.0, 12.0, head), _bar(parts, whole, unit, TOP), *_limit(memory, whole), *axis]
    if memory.needed < LITTLE * memory.total:
        close = Scale(0.0, memory.needed / unit, 0.0, WIDTH)
        axis, below = _axis(close, y + 8, f"{name}, only what is needed")
        drawn += [_bar([part for part in parts if not part.free], close, unit, y + 8), *axis]
        y = below
    drawn.append(_legend(memory, parts, y + 14))
    spoken = "; ".join(f"{part.name} {_said(memory, part.bytes)}" for part in parts)
    return frame("memory", "Memory of one device", f"{head}: {spoken}.", y + 6 + ROW * len(parts), *drawn)


def _said(memory: DeviceMemory, size: float) -> str:
    name, unit = memory.unit
    return f"{plain(size / unit)} {name}"


def _bar(parts: Sequence[MemoryPart], scale: Scale, unit: float, y: float) -> Markup:
    """Parts carry the numbers of the legend; free ones are outlines."""
    drawn, before = [], 0.0
    for index, part in enumerate(parts):
        start, end = scale.at(before), scale.at(before + part.bytes / unit)
        drawn.append(box(start, y, end - start, BAR, _kind(index, part)))
        if end - start >= LEAST_FOR_A_NUMBER:
            drawn.append(_number(index, part, (start + end) / 2, y + 16.5))
        before += part.bytes / unit
    return joined(drawn)


def _kind(index: int, part: MemoryPart) -> str:
    return "room" if part.free else f"part {series(index)}"


def _number(index: int, part: MemoryPart, x: float, y: float) -> Markup:
    return words(x, y, str(index + 1), "middle", "small" if part.free else "onpart")


def _limit(memory: DeviceMemory, scale: Scale) -> list[Markup]:
    """How far the engine goes."""
    x = scale.at(memory.usable / memory.unit[1])
    said = f"{memory.engine} stops at {_said(memory, memory.usable)}"
    return [line(x, TOP - 12, x, TOP + BAR, "bound"), words(x - 4, TOP - 5, cut(said, x), "end", "small")]


def _axis(scale: Scale, top: float, name: str) -> tuple[list[Markup], float]:
    """Also the y below it."""
    bottom = top + BAR
    return [axis_below(scale, bottom, bottom + 4, plain), words(WIDTH, bottom + 30, name, "end", "small")], bottom + 34


def _legend(memory: DeviceMemory, parts: Sequence[MemoryPart], y: float) -> Markup:
    drawn = []
    for index, part in enumerate(parts):
        drawn += [
            box(0.0, y - 11, 14.0, 14.0, _kind(index, part)), _number(index, part, 7.0, y),
            words(22.0, y, cut(part.name, 250.0)), words(WIDTH, y, _said(memory, part.bytes), "end"),
        ]  # fmt: skip
        y += ROW
    return joined(drawn)
