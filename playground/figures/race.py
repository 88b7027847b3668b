"""A race's charts: medians with bands, every seed's point; of a sweep a heat map and parallel
coordinates. Titles may be a visitor's words: Plotly reads some HTML, so they are escaped."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import numpy as np
import plotly.graph_objects as go

from playground.figures import palette
from playground.races.curves import Curve

HEIGHT = 300  # pixels
ROW = 34  # pixels of a lane among the points
_BAND = 0.16


def curves_chart(
    curves: Sequence[Curve], titles: Sequence[str], places: Sequence[int], title: str, unit: str,
    dark: bool = False, target: float | None = None,
) -> go.Figure:  # fmt: skip
    """Medians over steps with the middle half of the seeds; `target` is drawn as a line."""
    figure = go.Figure()
    share = 100.0 if unit == "%" else 1.0
    for each in curves:
        colour = palette.run_colour(places[each.lane], dark)
        if each.seeds > 1:
            figure.add_scatter(
                x=np.concatenate([each.steps, each.steps[::-1]]),
                y=share * np.concatenate([each.high, each.low[::-1]]),
                mode="lines",
                fill="toself",
                fillcolor=_clear(colour),
                line={"width": 0},
                hoverinfo="skip",
                showlegend=False,
            )
    for each in curves:
        figure.add_scatter(
            x=each.steps,
            y=share * each.median,
            name=escape(titles[each.lane]),
            line={"color": palette.run_colour(places[each.lane], dark), "width": 2.5},
            hovertemplate="%{y:.4g}",
        )
    if target is not None and curves:
        figure.add_hline(
            100 * target, line={"color": palette.ghost(dark), "width": 1.5, "dash": "dot"}
        )
    figure.update_xaxes(title="step")
    figure.update_yaxes(title=f"{title}, %" if unit == "%" else title)
    return _laid_out(figure, HEIGHT, legend=False)


def points_chart(
    values: Sequence[Mapping[int, float]], titles: Sequence[str], places: Sequence[int],
    title: str, unit: str, first_seed: int = 0, dark: bool = False,
) -> go.Figure:  # fmt: skip
    """Every seed's number of each lane as a point, the mean as a bar; the first lane on top."""
    figure = go.Figure()
    share = 100.0 if unit == "%" else 1.0
    names = [escape(f"{title[:30]}…" if len(title) > 31 else title) for title in titles]
    for lane, found in enumerate(values):
        seeds = sorted(found)
        colour = palette.run_colour(places[lane], dark)
        figure.add_scatter(
            x=[share * found[seed] for seed in seeds],
            y=[lane] * len(seeds),
            mode="markers",
            marker={"color": colour, "size": 9, "opacity": 0.6},
            text=[f"seed {first_seed + seed}" for seed in seeds],
            hovertemplate="%{text}: %{x:.4g}<extra></extra>",
        )
        if seeds:
            figure.add_scatter(
                x=[share * float(np.mean([found[seed] for seed in seeds]))],
                y=[lane],
                mode="markers",
                marker={
                    "symbol": "line-ns", "size": 22, "line": {"width": 3, "color": colour},
                },
                hovertemplate="mean %{x:.4g}<extra></extra>",
            )  # fmt: skip
    figure.update_yaxes(
        tickvals=list(range(len(names))),
        ticktext=names,
        range=[len(names) - 0.4, -0.6],
        automargin=True,
    )
    figure.update_xaxes(title=f"{title}, %" if unit == "%" else title)
    return _laid_out(figure, max(140, 90 + ROW * len(names)), legend=False)


def heat_map(
    first: Sequence[Any], second: Sequence[Any], values: Sequence[float], names: tuple[str, str],
    title: str, higher: bool = True,
) -> go.Figure:  # fmt: skip
    """A sweep over two settings: a square for each pair of values, in the colour of its number."""
    rows, columns = _distinct(second), _distinct(first)
    table = np.full((len(rows), len(columns)), np.nan)
    for a, b, value in zip(first, second, values, strict=True):
        table[rows.index(b), columns.index(a)] = value
    figure = go.Figure(
        go.Heatmap(
            x=[_word(each) for each in columns],
            y=[_word(each) for each in rows],
            z=table,
            colorscale="Viridis",
            reversescale=not higher,
            colorbar={"title": title, "thickness": 12},
            hovertemplate="%{x} · %{y}: %{z:.4g}<extra></extra>",
        )
    )
    figure.update_xaxes(title=names[0], type="category")
    figure.update_yaxes(title=names[1], type="category")
    return _laid_out(figure, HEIGHT, legend=False)


def parallel(
    axes: Mapping[str, Sequence[Any]], values: Sequence[float], title: str, higher: bool = True,
    dark: bool = False,
) -> go.Figure:  # fmt: skip
    """Parallel coordinates: a line for each point of a sweep through its settings to its number."""
    dimensions = [_dimension(name, given) for name, given in axes.items()]
    dimensions.append({"label": title, "values": list(values)})
    line = {"color": list(values), "colorscale": "Viridis", "reversescale": not higher}
    figure = go.Figure(
        go.Parcoords(
            dimensions=dimensions, line=line, labelfont={"size": 13, "color": palette.ink(dark)}
        )
    )
    figure.update_traces(tickfont={"size": 12, "color": palette.ink(dark)}, rangefont={"size": 1})
    figure.update_layout(height=HEIGHT + 20, margin={"l": 60, "r": 50, "t": 60, "b": 24})
    return figure


def _dimension(name: str, given: Sequence[Any]) -> dict[str, Any]:
    numbers = all(isinstance(each, int | float) and not isinstance(each, bool) for each in given)
    if numbers and len(set(given)) > 1:
        low, high = min(given), max(given)
        if low > 0 and high / low >= 50:  # over so much room a line of logarithms
            ticks = sorted({_rounded(each) for each in np.geomspace(low, high, 4)})
            return {
                "label": f"{name} (log)",
                "values": [float(np.log10(each)) for each in given],
                "tickvals": [float(np.log10(each)) for each in ticks],
                "ticktext": [f"{each:g}" for each in ticks],
            }
        return {"label": name, "values": list(given)}
    kinds = _distinct(given)
    return {
        "label": name,
        "values": [kinds.index(each) for each in given],
        "tickvals": list(range(len(kinds))),
        "ticktext": [_word(each) for each in kinds],
    }


def _rounded(value: float) -> float:
    return float(f"{value:.1g}")


def _distinct(given: Sequence[Any]) -> list[Any]:
    kinds = list(dict.fromkeys(given))
    try:
        return sorted(kinds)
    except TypeError:  # of several types
        return kinds


def _word(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    text = " ".join(str(value).split())
    return escape(f"{text[:23]}…" if len(text) > 24 else text)


def _clear(colour: str) -> str:
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return f"rgba({red},{green},{blue},{_BAND})"


def _laid_out(figure: go.Figure, height: int, legend: bool) -> go.Figure:
    figure.update_layout(
        height=height,
        margin={"l": 56, "r": 8, "t": 8, "b": 40},
        showlegend=legend,
        hovermode="closest",
        dragmode=False,
    )
    return figure
