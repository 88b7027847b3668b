"""A race's charts as SVG, for files that have to stand alone."""

from collections.abc import Mapping, Sequence
from html import escape

import numpy as np

from playground.figures import palette
from playground.races.curves import Curve

WIDTH, HEIGHT = 640, 280
LEFT, RIGHT, TOP, BOTTOM = 56, 12, 12, 40
ROW = 26  # pixels of a lane among the points
TICKS = 4


def curves_svg(curves: Sequence[Curve], titles: Sequence[str], title: str, unit: str) -> str:
    """Medians and bands over steps."""
    if not curves:
        return ""
    share = 100.0 if unit == "%" else 1.0
    low = share * min(float(each.low.min()) for each in curves)
    high = share * max(float(each.high.max()) for each in curves)
    room = 0.05 * ((high - low) or 1.0)
    low, high = low - room, high + room
    last = max(float(each.steps[-1]) for each in curves) or 1.0

    def at(steps: np.ndarray, values: np.ndarray) -> list[str]:
        x = LEFT + steps / last * (WIDTH - LEFT - RIGHT)
        y = HEIGHT - BOTTOM - (share * values - low) / (high - low) * (HEIGHT - TOP - BOTTOM)
        return [f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True)]

    parts = [_frame(low, high, last, unit)]
    for each in curves:
        colour = palette.run_colour(each.lane)
        if each.seeds > 1:
            band = " ".join([*at(each.steps, each.high), *reversed(at(each.steps, each.low))])
            parts.append(f'<polygon points="{band}" fill="{colour}" opacity="0.18"/>')
        line = " ".join(at(each.steps, each.median))
        parts.append(
            f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2">'
            f"<title>{escape(titles[each.lane])}</title></polyline>"
        )
    label = escape(f"{title}, %" if unit == "%" else title)
    return _svg("".join(parts), HEIGHT, label)


def points_svg(values: Sequence[Mapping[int, float]], titles: Sequence[str], unit: str) -> str:
    """Every seed's number of each lane as a point, and a bar at the mean."""
    every = [value for lane in values for value in lane.values()]
    if not every:
        return ""
    share = 100.0 if unit == "%" else 1.0
    low, high = share * min(every), share * max(every)
    room = 0.05 * ((high - low) or 1.0)
    low, high = low - room, high + room
    left, height = 190, TOP + ROW * len(values) + BOTTOM

    def x(value: float) -> float:
        return left + (share * value - low) / (high - low) * (WIDTH - left - RIGHT)

    parts = []
    for tick in _ticks(low, high):
        place = left + (tick - low) / (high - low) * (WIDTH - left - RIGHT)
        parts.append(_grid(place, TOP, place, height - BOTTOM))
        parts.append(_text(place, height - BOTTOM + 16, f"{tick:.4g}", "middle"))
    for number, lane in enumerate(values):
        y, colour = TOP + ROW * (number + 0.5), palette.run_colour(number)
        parts.append(_text(left - 8, y + 4, _short(titles[number]), "end"))
        for seed, value in sorted(lane.items()):
            parts.append(
                f'<circle cx="{x(value):.1f}" cy="{y:.1f}" r="4" fill="{colour}" opacity="0.6">'
                f"<title>seed {seed}: {share * value:.4g}</title></circle>"
            )
        if lane:
            place = x(float(np.mean(list(lane.values()))))
            parts.append(
                f'<line x1="{place:.1f}" x2="{place:.1f}" y1="{y - 9:.1f}" y2="{y + 9:.1f}" '
                f'stroke="{colour}" stroke-width="3"/>'
            )
    return _svg("".join(parts), height, "Every seed of every lane")


def _frame(low: float, high: float, last: float, unit: str) -> str:
    parts = []
    for tick in _ticks(low, high):
        y = HEIGHT - BOTTOM - (tick - low) / (high - low) * (HEIGHT - TOP - BOTTOM)
        parts.append(_grid(LEFT, y, WIDTH - RIGHT, y))
        parts.append(_text(LEFT - 6, y + 4, f"{tick:.3g}", "end"))
    for tick in _ticks(0, last):
        x = LEFT + tick / last * (WIDTH - LEFT - RIGHT)
        parts.append(_text(x, HEIGHT - BOTTOM + 16, f"{tick:,.0f}", "middle"))
    parts.append(_text((LEFT + WIDTH) / 2, HEIGHT - 6, "step", "middle"))
    return "".join(parts)


def _ticks(low: float, high: float) -> np.ndarray:
    """Round numbers from low to high, some TICKS of them."""
    rough = (high - low) / TICKS
    tens = 10.0 ** np.floor(np.log10(rough))
    step = next(tens * each for each in (1, 2, 5, 10) if tens * each >= rough * (1 - 1e-9))
    found = np.arange(np.ceil(low / step), np.floor(high / step) + 1) * step
    return np.round(found, 12)


def _grid(x1: float, y1: float, x2: float, y2: float) -> str:
    return (
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="currentColor" '
        'opacity="0.15"/>'
    )


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="currentColor" '
        f'font-size="12">{escape(text)}</text>'
    )


def _short(title: str) -> str:
    return title if len(title) <= 28 else f"{title[:27]}…"


def _svg(content: str, height: float, label: str) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" role="img" '
        f'font-family="system-ui, sans-serif"><title>{label}</title>{content}</svg>'
    )
