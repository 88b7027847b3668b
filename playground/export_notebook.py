"""The exported script as a notebook: the same code, a cell for each of its `# %%` comments, with
pictures after it. What a visitor has typed stays in the code, in literals; no words are made of it.
"""

import ast
import io
import itertools
import tokenize
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from playground.export_parts import CELL, SERIES, TAKEN, WEIGHTS

if TYPE_CHECKING:
    from playground.export import Package


def notebook(package: "Package") -> str:
    """The notebook as JSON of nbformat 4. It takes the weights that lie beside it, or trains where
    there are none."""
    from nbformat import v4, validate, writes

    words, code = _parts(package.script)
    cells = [v4.new_markdown_cell(words)]
    for title, lines in code:
        if title:
            cells.append(v4.new_markdown_cell(f"## {title}"))
        cells.append(v4.new_code_cell(lines))
    first = next(cell for cell in cells if cell.cell_type == "code")
    taken = f'TAKEN = "{WEIGHTS}"  # "" trains it here' if package.weights else 'TAKEN = ""'
    first.source = first.source.replace(TAKEN, taken, 1)
    for title, lines in _pictures(package):
        cells += [v4.new_markdown_cell(f"## {title}"), v4.new_code_cell(lines)]
    for number, cell in enumerate(cells):
        cell["id"] = f"cell-{number}"  # the same run gives the same file
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    made = v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})
    validate(made)
    text: str = writes(made)
    return text


def _parts(script: str) -> tuple[str, list[tuple[str, str]]]:
    """The words that a script begins with, and its cells: title and code of each. A comment is one
    as Python's tokens have it, so that a line of a text is none."""
    starts = [
        (token.start[0] - 1, token.string.removeprefix(CELL))
        for token in tokenize.generate_tokens(io.StringIO(script).readline)
        if token.type == tokenize.COMMENT and token.start[1] == 0 and token.string.startswith(CELL)
    ]
    lines = script.split("\n")
    tree = ast.parse(script)
    words = ast.get_docstring(tree) or ""
    begin = (tree.body[0].end_lineno or 0) if words else 0
    bounds = [(begin - 1, ""), *starts, (len(lines), "")]
    cells = [
        (title, "\n".join(lines[at + 1 : end]).strip("\n"))
        for (at, title), (end, _) in itertools.pairwise(bounds)
    ]
    return words, [(title, code) for title, code in cells if code]


def _pictures(package: "Package") -> list[tuple[str, str]]:
    found = []
    if SERIES in package.more:
        found.append(("The curves of the run", _CURVES))
    if package.spec.task in PICTURES:
        found.append(PICTURES[package.spec.task])
    return [(title, f"{_PLOT}{code}".strip("\n")) for title, code in found]


_PLOT = "import matplotlib.pyplot as plt\n\n"
_CURVES = f"""
curves = np.atleast_1d(np.genfromtxt("{SERIES}", delimiter=",", names=True))
drawn = [name for name in curves.dtype.names if f"validation_{{name}}" in curves.dtype.names]
figure, axes = plt.subplots(1, max(1, len(drawn)), figsize=(5 * max(1, len(drawn)), 3.5))
for axis, name in zip(np.atleast_1d(axes), drawn):
    for series in (name, f"validation_{{name}}"):
        known = ~np.isnan(curves[series])
        axis.plot(curves["step"][known], curves[series][known], label=series)
    axis.set_xlabel("step")
    axis.legend()
plt.show()
"""
_ANSWERS = """
figure, axes = plt.subplots(2, 6, figsize=(9, 3.5))
for axis, image, label, answer in zip(axes.flat, x_test, y_test, found):
    axis.imshow(image.squeeze(), cmap="gray")
    axis.set_title(f"{label}, found {answer}", color="black" if label == answer else "red")
    axis.axis("off")
plt.show()

confusion = np.zeros((max(y_test.max(), found.max()) + 1,) * 2, int)
np.add.at(confusion, (y_test, found), 1)
plt.imshow(confusion)
plt.xlabel("found class")
plt.ylabel("class")
plt.colorbar(label="test images")
plt.show()
"""
_PAIRS = """
judged_same = {answer}
figure, axes = plt.subplots(2, 6, figsize=(9, 3.5))
pairs_shown = Balanced(x_test, y_test, "test pairs")
for column, i in zip(axes.T, range(6)):
    for axis, image in zip(column, (x_test[i], x_test[pairs_shown.partner[i]])):
        axis.imshow(image.squeeze(), cmap="gray")
        axis.axis("off")
    alike, said = one[i] == other[i], bool(judged_same[i])
    column[0].set_title("same" if said else "apart", color="black" if said == alike else "red")
plt.show()
"""
# Of each task what its network answers, drawn with the names that its script has.
PICTURES: Mapping[str, Any] = {
    "classification": ("What it says of test images", _ANSWERS),
    "siamese": ("What it says of test pairs", _PAIRS.format(answer="same_said")),
    "incremental": (
        "What it has kept of each phase",
        """
_, kept_of = accuracy(len(GROUPS) - 1)
plt.bar([", ".join(map(str, group)) for group in GROUPS], kept_of)
plt.xlabel("classes of a phase")
plt.ylabel("test accuracy at the end")
plt.ylim(0, 1)
plt.show()
""",
    ),
    "autoencoder": (
        "Test images and their reconstructions",
        """
figure, axes = plt.subplots(2, 8, figsize=(9, 2.6))
for column, image, drawn_again in zip(axes.T, x_test, said[0]):
    for axis, picture in zip(column, (image / 255, np.clip(drawn_again, 0, 1))):
        axis.imshow(picture.squeeze(), cmap="gray")
        axis.axis("off")
plt.show()
""",
    ),
    "detection": (
        "What it finds on test canvases",
        """
figure, axes = plt.subplots(1, 4, figsize=(10, 3))
for axis, canvas, boxes, classes in zip(axes, tested["images"], seen.boxes, seen.classes):
    axis.imshow(canvas.squeeze(), cmap="gray")
    for (left, top, right, bottom), value in zip(boxes * SIZE[0], classes):
        if value >= 0:
            axis.plot([left, right, right, left, left], [top, top, bottom, bottom, top], "y")
            axis.text(left, top, str(value), color="y")
    axis.axis("off")
plt.show()
""",
    ),
}
