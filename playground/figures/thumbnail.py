"""A loss at a glance: a small SVG."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from playground.figures import palette

WIDTH, HEIGHT, ROOM = 200, 84, 5


def thumbnail(card: Mapping[str, Any], dark: bool = False) -> str:
    """The picture of what `Gallery` keeps of a loss: its lines, or its points with arrows."""
    lines = [np.array(line, float) for line in card.get("lines", ())]
    ghost = np.array(card["ghost"], float) if card.get("ghost") else None
    points = np.array(card.get("points", ()), float).reshape(-1, 2)
    shown = np.concatenate([points, *lines]) if lines or len(points) else np.empty((0, 2))
    shown = shown[np.isfinite(shown).all(-1)]
    if not len(shown):
        return _svg("", dark)
    low, high = shown.min(0), shown.max(0)
    if ghost is not None:  # as much of it as fits, and no more than twice the loss' own height
        spread = max(high[1] - low[1], 1e-6)
        inside = ghost[np.isfinite(ghost).all(-1), 1]
        low[1] = max(min(low[1], inside.min()), low[1] - spread)
        high[1] = min(max(high[1], inside.max()), high[1] + spread)
    size = np.maximum(high - low, 1e-9)

    def at(places: np.ndarray) -> np.ndarray:
        share = np.clip((places - low) / size, -0.5, 1.5)
        x = ROOM + share[:, 0] * (WIDTH - 2 * ROOM)
        y = HEIGHT - ROOM - share[:, 1] * (HEIGHT - 2 * ROOM)
        return np.stack([x, y], axis=-1)

    parts = [] if ghost is None else [_line(at(ghost), 'opacity="0.45" stroke-dasharray="2 3"')]
    for place, line in enumerate(lines):
        parts.append(_line(at(line), f'stroke-width="2" opacity="{1 - 0.28 * place:.2f}"'))
    parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2" fill="currentColor" opacity="0.6"/>'
              for x, y in at(points)]  # fmt: skip
    return _svg("".join(parts), dark)


def _line(places: np.ndarray, style: str) -> str:
    finite = np.isfinite(places).all(-1)
    said = " ".join(f"{x:.1f},{y:.1f}" for x, y in places[finite])
    return f'<polyline points="{said}" fill="none" stroke="currentColor" {style}/>'


def _svg(content: str, dark: bool) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'color="{palette.ink(dark)}">{content}</svg>'
    )
