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
    done = [point for point in points if not np.isnan(point.held_out)]
    x = np.array([point.x for point in done])
    figure.add_scatter(
        x=x,
        y=np.array([100 * point.train for point in done]),
        name="train",
        mode="lines+markers",
        line={"color": palette.run_colour(0, dark), "width": 2.5},
        hovertemplate="%{y:.1f}%",
    )
    figure.add_scatter(
        x=x,
        y=np.array([100 * point.held_out for point in done]),
        error_y={"array": np.array([200 * point.error for point in done]), "thickness": 1.2},
        name="validation",
        mode="lines+markers",
        line={"color": palette.run_colour(0, dark), "width": 2.5, "dash": "dash"},
        hovertemplate="%{y:.1f}%",
    )
    places = [point.x for point in points if point.x > 0 or not sweep.log]
    if places:
        low, high = min(places), max(places)
        if sweep.log:
            room = 0.05 * np.log10(high / low) if high > low else 0.3
            span = [np.log10(low) - room, np.log10(high) + room]
        else:
            span = [low - 0.05 * (high - low), high + 0.05 * (high - low)]
        figure.update_xaxes(range=span)
    figure.update_xaxes(
        title=f"{sweep.axis} (log)" if sweep.log else sweep.axis,
        type="log" if sweep.log else "linear",
        exponentformat="power",
        dtick=1 if sweep.log else None,
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
