"""What a loss does: its value and its push, over the probability given to the true class."""

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from playground.figures import palette

Curve = Mapping[str, Sequence[float | None]]
HEIGHT = 240  # pixels


def loss_curve(curve: Curve, ghost: Curve | None, dark: bool = False) -> go.Figure:
    """Two panels over p(true class): L above, dL/dz of the true class' logit below.

    `curve` and `ghost` (cross-entropy, dashed) hold equally long lists `p`, `loss` and `gradient`;
    None or NaN leaves a gap. The axes show all of the loss and as much of the ghost as fits.
    """
    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, vertical_spacing=0.09)
    for row, name in enumerate(("loss", "gradient"), start=1):
        if ghost is not None:
            figure.add_scatter(
                x=_numbers(ghost["p"]),
                y=_numbers(ghost[name]),
                name="cross-entropy",
                line={"color": palette.ghost(dark), "width": 1.5, "dash": "dot"},
                showlegend=row == 1,
                hovertemplate="%{y:.3g}",
                row=row,
                col=1,
            )
        figure.add_scatter(
            x=_numbers(curve["p"]),
            y=_numbers(curve[name]),
            name="this loss",
            line={"color": palette.ink(dark), "width": 2.5},
            showlegend=row == 1,
            hovertemplate="%{y:.3g}",
            row=row,
            col=1,
        )
        figure.update_yaxes(range=_range(curve, ghost, name), row=row, col=1)
    figure.update_yaxes(title="loss L", row=1, col=1)
    figure.update_yaxes(title="push dL/dz", row=2, col=1)
    figure.update_xaxes(range=[0, 1], dtick=0.2)
    figure.update_xaxes(title="p(true class)", row=2, col=1)
    figure.update_layout(
        height=HEIGHT,
        margin={"l": 56, "r": 8, "t": 20, "b": 36},
        legend={"orientation": "h", "x": 1, "xanchor": "right", "y": 1.02, "yanchor": "bottom"},
        hovermode="x unified",
        dragmode=False,
    )
    return figure


def _numbers(values: Sequence[float | None]) -> np.ndarray:
    return np.array([np.nan if value is None else value for value in values], dtype=np.float32)


def _range(curve: Curve, ghost: Curve | None, name: str) -> list[float]:
    """From a little below the least to a little above the largest value worth showing.

    Both ends of p are left out of the search, where many losses have a pole; the ghost may widen
    the range to twice the loss' own, so that a small loss is not flattened by it.
    """
    own = _finite(curve, name)
    if own.size == 0:
        return [0.0, 1.0]
    low, high = float(own.min()), float(own.max())
    spread = max(high - low, 1e-3 * max(abs(low), abs(high)), 1e-6)
    if ghost is not None and (other := _finite(ghost, name)).size:
        low = max(min(low, float(other.min())), low - spread)
        high = min(max(high, float(other.max())), high + spread)
    room = 0.06 * (high - low or 1.0)
    return [low - room, high + room]


def _finite(curve: Curve, name: str) -> np.ndarray:
    p, values = _numbers(curve["p"]), _numbers(curve[name])
    return values[np.isfinite(values) & (p >= 0.02) & (p <= 0.98)]
