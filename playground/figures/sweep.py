"""A sweep: error on training and on validation images over the setting that was varied."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from playground.figures import palette
from playground.sweeps import Point, Sweep

HEIGHT = 330  # pixels


def sweep_chart(
    sweep: Sweep, points: Sequence[Point], stored: Mapping[str, Any] | None, dark: bool = False
) -> go.Figure:
    """Errors in percent, validation ones with two standard errors on either side; `stored` are the
    rows of an earlier sweep, drawn faintly behind. Points that are still to come leave room."""
    figure = go.Figure()
    if stored is not None:
        _add_stored(figure, stored, dark)
    done = [point for point in points if not np.isnan(point.held_out)]
    shown = {
        "x": np.array([point.x for point in done]),
        "mode": "lines+markers",
        "hovertemplate": "%{y:.1f}%",
    }
    line = {"color": palette.run_colour(0, dark), "width": 2.5}
    figure.add_scatter(
        y=np.array([100 * point.train for point in done]), name="train", line=line, **shown
    )
    figure.add_scatter(
        y=np.array([100 * point.held_out for point in done]),
        error_y={"array": np.array([200 * point.error for point in done]), "thickness": 1.2},
        name="validation",
        line={**line, "dash": "dash"},
        **shown,
    )
    places = [point.x for point in points if point.x > 0 or not sweep.log]
    figure.update_xaxes(
        title=f"{sweep.axis} (log)" if sweep.log else sweep.axis,
        type="log" if sweep.log else "linear",
        exponentformat="power",
        dtick=1 if sweep.log else None,
        range=_span(min(places), max(places), sweep.log) if places else None,
    )
    figure.update_yaxes(title="error, %", rangemode="tozero")
    figure.update_layout(
        height=HEIGHT,
        margin={"l": 56, "r": 8, "t": 28, "b": 44},
        legend={"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"},
        hovermode="x unified",
        dragmode=False,
    )
    return figure


def _add_stored(figure: go.Figure, stored: Mapping[str, Any], dark: bool) -> None:
    columns = dict(zip(stored["names"], np.array(stored["rows"]).T, strict=True))
    for name, title, dash in (
        ("held_out", "stored: validation", "dash"),
        ("held_out_best", "stored: validation, best epoch", "dot"),
        ("train", "stored: train", "solid"),
    ):
        figure.add_scatter(
            x=columns["weights"],
            y=100 * columns[name],
            name=title,
            mode="lines",
            line={"color": palette.ghost(dark), "width": 1.5, "dash": dash},
            hovertemplate="%{y:.1f}%",
        )


def _span(low: float, high: float, log: bool) -> list[float]:
    """The axis that holds these with some room on either side, of a log axis in decades."""
    if not log:
        room = 0.05 * (high - low)
        return [low - room, high + room]
    room = 0.05 * np.log10(high / low) if high > low else 0.3
    return [np.log10(low) - room, np.log10(high) + room]
