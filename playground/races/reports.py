"""A race as one file that stands alone: HTML with charts, Markdown, or CSV with a row for each run.

It says what is needed to repeat it: all settings, the lanes, the seeds, the hashes that the runs
recorded, and the link that sets the page Race to it.
"""

import csv
import io
from collections.abc import Mapping
from html import escape
from pathlib import Path

from playground.errors import StoreError
from playground.figures import palette
from playground.figures.race_svg import curves_svg, points_svg
from playground.races.curves import DRAWN, curves
from playground.races.links import link
from playground.races.progress import Progress
from playground.races.race import RACE, Race
from playground.races.results import MEASURES, WHY_NO_LOSS, Reader, Results
from playground.races.verdict import Verdict, verdict
from playground.runs.store import Store

ENDINGS = (".html", ".md", ".csv")
HASHES = {
    "weights": "first weights",
    "images": "images with their labels",
    "order": "order of batches",
    "evaluations": "points of evaluation",
}
_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem;
  color: #1d2125; background: #fdfdfc; }
table { border-collapse: collapse; display: block; overflow-x: auto; }
th, td { padding: 0.3rem 0.7rem; border-bottom: 1px solid #dcdcd7; text-align: right; }
th:first-child, td:first-child { text-align: left; }
pre { background: #f2f2ef; padding: 0.7rem; overflow-x: auto; white-space: pre-wrap; }
.best { font-weight: 600; }
svg { max-width: 100%; }
code { overflow-wrap: anywhere; }
@media (prefers-color-scheme: dark) { body { color: #e4e6e8; background: #14171a; }
  th, td { border-color: #3a4046; } pre { background: #22272c; } }
"""


def check(path: Path) -> None:
    """Raises StoreError for a file that is none of the kinds there are."""
    if path.suffix.lower() not in ENDINGS:
        raise StoreError(
            f"{path} is none of {', '.join(ENDINGS)}.", "Name a file with one of these endings."
        )


def write(path: Path, store: Store, race: Race, progress: Progress) -> None:
    """Writes a race as its file's ending says. Raises StoreError."""
    check(path)
    content = {".html": html, ".md": markdown, ".csv": table}[path.suffix.lower()](
        store, race, progress
    )
    try:
        path.write_text(content, "utf-8")
    except OSError as error:
        raise StoreError(
            f"{path} cannot be written: {error.strerror}.", "Name another file."
        ) from error


def table(store: Store, race: Race, progress: Progress) -> str:
    """CSV: a row for each run, with lane, seed, epochs, state, run, hashes and every number."""
    reader, titles = Reader(store), race.titles()
    out = io.StringIO()
    names = ["lane", "title", "seed", "epochs", "state", "run", "digest"]
    writer = csv.writer(out)
    writer.writerow([*names, *MEASURES, *(f"hash_{name}" for name in HASHES)])
    for cell in progress.cells:
        spec = race.spec(cell.lane, cell.seed, cell.epochs)
        row = [cell.lane + 1, titles[cell.lane], spec.seed, spec.epochs, cell.state or "missing"]
        row += [cell.record.id if cell.record is not None else "", cell.digest]
        numbers: Mapping[str, float] = {}
        identity: Mapping[str, str] = {}
        if cell.record is not None:
            identity = reader.identity(cell.record)
            numbers = reader.numbers(cell.record, race.target) if cell.completed else {}
        row += [repr(numbers[name]) if name in numbers else "" for name in MEASURES]
        writer.writerow([*map(_plain, row), *(identity.get(name, "") for name in HASHES)])
    return out.getvalue()


def _plain(value: object) -> object:
    """A cell that no spreadsheet takes for a formula: a title may be a visitor's text."""
    text = str(value)
    return f"'{text}" if isinstance(value, str) and text[:1] in "=+-@\t" else value


def markdown(store: Store, race: Race, progress: Progress) -> str:
    """The same as Markdown, without charts."""
    results = Reader(store).results(race, progress)
    lines = ["# Race", "", f"**{_md(_title(race))}**", ""]
    decided = verdict(results, progress.done) if race.kind == RACE else None
    for text in _words(decided):
        lines += [_md(text), ""]
    titles = [_md(title) for title in race.titles()]
    lines += [f"| | {' | '.join(titles)} |", "|---|" + "--:|" * len(titles)]
    for name, cells in _rows(results):
        said = [f"**{cell}**" if best else cell for cell, best in cells]
        lines.append(f"| {name} | {' | '.join(said)} |")
    lines += ["", f"Means and standard deviations over {race.seeds} seeds. {WHY_NO_LOSS}", ""]
    lines += ["## What the runs have in common", "", _md(same(results)), ""]
    lines += ["The first lane's hashes:", "", f"| seed | {' | '.join(HASHES.values())} |"]
    lines += ["|--:|---|---|---|---|", *(f"| {' | '.join(row)} |" for row in _hashes(results))]
    lines += ["", "## To repeat it", ""]
    lines += [f"`{link(race)}`", "", "```json", race.to_json(), "```", ""]
    return "\n".join(lines)


def html(store: Store, race: Race, progress: Progress) -> str:
    """The same as HTML, with charts as SVG; it loads nothing from anywhere."""
    results = Reader(store).results(race, progress)
    titles, judge = race.titles(), MEASURES[race.judge]
    decided = verdict(results, progress.done) if race.kind == RACE else None
    parts = [f"<h1>Race</h1><p><b>{escape(_title(race))}</b></p>"]
    parts += [f"<p>{escape(text)}</p>" for text in _words(decided)]
    heads = "".join(
        f'<th><span style="color:{palette.run_colour(n)}">●</span> {escape(title)}</th>'
        for n, title in enumerate(titles)
    )
    rows = "".join(
        f"<tr><td>{escape(name)}</td>"
        + "".join(f"<td{' class=best' if best else ''}>{cell}</td>" for cell, best in cells)
        + "</tr>"
        for name, cells in _rows(results)
    )
    parts.append(f"<h2>Scoreboard</h2><table><tr><th></th>{heads}</tr>{rows}</table>")
    parts.append(
        f"<p>Means and standard deviations over {race.seeds} seeds; bold is the best mean. "
        f"{escape(WHY_NO_LOSS)}</p>"
    )
    parts.append(f"<h2>{escape(judge.title)} of every seed</h2>")
    parts.append(points_svg(results.judged, titles, judge.unit))
    if race.kind == RACE:
        for name, (title, unit) in DRAWN.items():
            drawn = curves_svg(curves(store, race, progress, name), titles, title, unit)
            if drawn:
                parts.append(f"<h2>{escape(title)}</h2>{drawn}")
    meanings = "".join(
        f"<dt>{escape(MEASURES[name].title)}</dt><dd>{escape(MEASURES[name].means)}</dd>"
        for name in results.measured()
    )
    parts.append(f"<h2>What the numbers mean</h2><dl>{meanings}</dl>")
    parts.append(f"<h2>What the runs have in common</h2><p>{escape(same(results))}</p>")
    names = "".join(f"<th>{escape(name)}</th>" for name in HASHES.values())
    found = "".join(
        f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>"
        for row in _hashes(results)
    )
    parts.append(
        "<details><summary>The first lane's hashes</summary>"
        f"<table><tr><th>seed</th>{names}</tr>{found}</table></details>"
    )
    parts.append(
        f"<h2>To repeat it</h2><p>Open this on a Loss Playground: <code>{escape(link(race))}</code>"
        f"</p><pre>{escape(race.to_json())}</pre>"
    )
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Race</title><style>{_STYLE}</style>{''.join(parts)}</html>\n"
    )


def same(results: Results) -> str:
    """What the hashes say that the runs of one seed have in common."""
    words, alike = HASHES, {name: results.same(name) for name in HASHES}
    if all(each is None for each in alike.values()):
        return "No two runs of one seed have recorded their hashes yet."
    shared = [words[name] for name, each in alike.items() if each]
    differing = [words[name] for name, each in alike.items() if each is False]
    said = f"Of each seed all lanes had the same {_listed(shared)}, by SHA-256." if shared else ""
    if differing:
        said += f" Their {_listed(differing)} differ, which comes of what the lanes change."
    return said.strip()


def _hashes(results: Results) -> list[list[str]]:
    """The first lane's, a row for each seed."""
    return [
        [str(results.race.base.seed + seed), *(found.get(name, "") for name in HASHES)]
        for seed, found in sorted(results.hashes[0].items())
    ]


def _listed(names: list[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else names[0]


def _words(decided: Verdict | None) -> list[str]:
    if decided is None:
        return []
    lanes = [f"{sentence} {evidence}".strip() for _, sentence, evidence in decided.lanes]
    return [decided.sentence, *lanes, *decided.notes]


def _title(race: Race) -> str:
    base = race.base
    noise = getattr(base, "label_noise", 0.0)
    wrong = f", {noise:.0%} of the labels wrong" if noise else ""
    count = f"{base.train_images:,} images of {base.dataset}" if base.train_images else base.dataset
    return f"{len(race.lanes)} lanes over {race.seeds} seeds: {count}{wrong}, {base.epochs} epochs"


def _rows(results: Results) -> list[tuple[str, list[tuple[str, bool]]]]:
    found = []
    for name in results.measured():
        measure, best = MEASURES[name], results.best(name)
        cells = []
        for lane, values in enumerate(results.values[name]):
            cells.append((measure.summary(values), lane in best))
        found.append((measure.title, cells))
    return found


def _md(text: str) -> str:
    """A visitor's words as plain text in Markdown."""
    return "".join(f"\\{mark}" if mark in "\\`*_{}[]<>()#+!|~$" else mark for mark in text)
