"""A family of branches as a tree over the steps: each run a line that leaves another's at its step.
A small SVG."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from html import escape

from playground import naming
from playground.figures import palette
from playground.runs import columns
from playground.runs.listing import Listed

WIDTH, NARROW = 900, 330
ROW, TOP, LEFT, RIGHT = 36, 12, 14, 30
LABEL = 15  # pixels of a label's line above its run's
MOST_LABEL = 60  # characters of a name, in the wide picture
TICKS = (0.0, 0.25, 0.5, 0.75, 1.0)


def tree(
    family: Sequence[tuple[Listed, int]],
    colors: Mapping[str, int | str],
    dark: bool = False,
    width: int = WIDTH,
) -> str:
    """The runs of a family, each after what it leaves, with the colours that they have on charts
    (`pages.parts.runs.colours`)."""
    longest = max(1, *(max(row.step, row.steps) for row, _ in family))
    places = {row.id: TOP + LABEL + number * ROW for number, (row, _) in enumerate(family)}
    span = width - LEFT - RIGHT

    def across(step: float) -> float:
        return LEFT + span * step / longest

    bottom = TOP + LABEL + (len(family) - 1) * ROW + 12
    parts = [_axis(across, longest, bottom, dark)]
    for row, _ in family:
        color = palette.colour_of(colors.get(row.id, 0), dark)
        y, begin = places[row.id], across(row.parent_step or 0)
        if row.parent in places:
            above = places[row.parent]
            parts.append(f'<path d="M{begin:.1f} {above} V{y}" stroke="{color}" fill="none"/>')
            parts.append(f'<circle cx="{begin:.1f}" cy="{above}" r="3" fill="{color}"/>')
        end = max(begin + 2, across(row.step))
        parts.append(
            f'<path d="M{begin:.1f} {y} H{end:.1f}" stroke="{color}" stroke-width="3" '
            f'fill="none"/><circle cx="{end:.1f}" cy="{y}" r="4" fill="{color}"/>'
        )
        most = max(12, round(MOST_LABEL * width / WIDTH))
        name = escape(naming.cut(columns.title(row), most))
        late = begin > LEFT + span / 2
        at, anchor = (width - RIGHT, "end") if late else (begin + 6, "start")
        parts.append(
            f'<text x="{at:.1f}" y="{y - 7}" text-anchor="{anchor}" '
            f'fill="{palette.ink(dark)}">{name}</text>'
        )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{bottom + 26}" '
        f'viewBox="0 0 {width} {bottom + 26}" font-family="system-ui, sans-serif" font-size="13" '
        f'stroke-width="1.5">{"".join(parts)}</svg>'
    )


def words(rows: Iterable[Listed]) -> str:
    """The same in words."""
    found = list(rows)
    numbers = {row.id: row.number for row in found}
    said = [
        f"#{row.number} leaves #{numbers[row.parent]} after step {row.parent_step:,}"
        for row in found
        if row.parent in numbers
    ]
    return f"The family of #{found[0].number}: {'; '.join(said)}."


def _axis(across: Callable[[float], float], longest: int, bottom: float, dark: bool) -> str:
    ink = palette.ghost(dark)
    parts = []
    for share in TICKS:
        step = round(longest * share)
        x = across(step)
        anchor = "start" if not share else "end" if share == 1 else "middle"
        parts.append(
            f'<path d="M{x:.1f} {TOP} V{bottom}" stroke="{ink}" opacity="0.3"/>'
            f'<text x="{x:.1f}" y="{bottom + 16}" text-anchor="{anchor}" fill="{ink}" '
            f'font-size="12">{"step " if not share else ""}{step:,}</text>'
        )
    return "".join(parts)
