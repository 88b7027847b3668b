"""Several losses on one axis, over the probability given to the true class."""

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from playground.figures import palette

Curve = Mapping[str, Sequence[float | None]]
HEIGHT = 300  # pixels
TITLES = {"loss": "loss L", "slope": "dL/dz of the true class", "slope_p": "dL/dp"}
GHOST = "cross-entropy"


def comparison(
    curves: Mapping[str, Curve], ghost: Curve | None, what: str = "loss", dark: bool = False
) -> go.Figure:
    """Curves by their titles, each in the colour of its place in the palette.

    A curve, and the `ghost` (cross-entropy, dotted), holds equally long lists `p` and `what`, one
    of "loss", "slope" and "slope_p"; None leaves a gap. The axis shows all of the curves and as
    much of the ghost as fits.
    """
    figure = go.Figure()
    if ghost is not None:
        figure.add_scatter(
            x=_numbers(ghost["p"]),
            y=_numbers(ghost[what]),
            name=GHOST,
            line={"color": palette.ghost(dark), "width": 1.5, "dash": "dot"},
            hovertemplate="%{y:.3g}",
        )
    for place, (title, curve) in enumerate(curves.items()):
        figure.add_scatter(
            x=_numbers(curve["p"]),
            y=_numbers(curve[what]),
            name=title,
            line={"color": palette.run_colour(place, dark), "width": 2.5},
            hovertemplate="%{y:.3g}",
        )
    figure.update_yaxes(title=TITLES[what], range=_range(list(curves.values()), ghost, what))
    figure.update_xaxes(title="p(true class)", range=[0, 1], dtick=0.2)
    figure.update_layout(
        height=HEIGHT,
        margin={"l": 56, "r": 8, "t": 8, "b": 36},
        showlegend=False,
        hovermode="x unified",
        dragmode=False,
    )
    return figure


def _numbers(values: Sequence[float | None]) -> np.ndarray:
    return np.array([np.nan if value is None else value for value in values], dtype=np.float32)


def _range(curves: list[Curve], ghost: Curve | None, what: str) -> list[float]:
    """From a little below the least to a little above the largest value worth showing.

    Both ends of p are left out of the search, where many losses have a pole; the ghost may widen
    the range to twice the losses' own, so that small ones are not flattened by it.
    """
    own = np.concatenate([np.empty(0), *(_finite(curve, what) for curve in curves)])
    if own.size == 0 and ghost is not None:
        own = _finite(ghost, what)
    if own.size == 0:
        return [0.0, 1.0]
    low, high = float(own.min()), float(own.max())
    spread = max(high - low, 1e-3 * max(abs(low), abs(high)), 1e-6)
    if ghost is not None and (other := _finite(ghost, what)).size:
        low = max(min(low, float(other.min())), low - spread)
        high = min(max(high, float(other.max())), high + spread)
    room = 0.06 * (high - low or 1.0)
    return [low - room, high + room]


def _finite(curve: Curve, what: str) -> np.ndarray:
    p, values = _numbers(curve["p"]), _numbers(curve[what])
    return values[np.isfinite(values) & (p >= 0.02) & (p <= 0.98)]
