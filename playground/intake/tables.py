"""A CSV with a row for each image: its label and its pixels, such as Kaggle's of MNIST."""

import csv
import io
import math
import re
from collections.abc import Mapping

import numpy as np
import pandas as pd

from playground.errors import IntakeError
from playground.intake import labels, pixels
from playground.intake.found import TRAIN, Found, Part
from playground.intake.limits import Limits

_LABELS = ("label", "labels", "class", "target", "y", "category")
_NUMBERS = ("id", "index", "imageid", "unnamed0", "")
_EXPECTED = "Save a row for each image: its label, then its pixels, row by row."


def read(contents: Mapping[str, bytes], limits: Limits, side: int) -> Found:
    """The tables of the parts as images and labels. Raises IntakeError."""
    tables = {part: _table(content, part, limits) for part, content in contents.items()}
    notes: list[str] = []
    given = {part: table[0] for part, table in tables.items()}
    widths = {table[1].shape[1] for table in tables.values()}
    if len(widths) > 1:
        raise IntakeError(
            f"The tables have {' and '.join(map(str, sorted(widths)))} pixels a row.",
            "Save both in one size.",
        )
    shape = _shape(widths.pop(), notes)
    numbers, names = labels.numbered(given, limits.classes)
    scaled, said = pixels.as_bytes(
        [table[1] for table in tables.values()], ["The table"] * len(tables)
    )
    notes += [said] if said else []
    parts = {}
    for part, values in zip(tables, scaled, strict=True):
        squares, resized = pixels.to_square(values.reshape(-1, *shape), limits, side)
        notes += [each for each in resized if each not in notes]
        parts[part] = Part(squares, numbers[part])
    return Found(parts, names, notes)


def _shape(count: int, notes: list[str]) -> tuple[int, int, int]:
    """The shape of images of so many pixels: a grey square, or a coloured one."""
    for channels in (1, 3):
        edge = math.isqrt(count // channels)
        if count and edge * edge * channels == count:
            pixels.check_side(edge, edge)
            if channels == 3:
                notes.append("Each pixel was taken for three numbers: red, green, blue.")
            return edge, edge, channels
    raise IntakeError(f"{count:,} pixels a row make no square.", _EXPECTED)


def _table(content: bytes, part: str, limits: Limits) -> tuple[np.ndarray, np.ndarray]:
    """The labels (N,) of a table, and its pixels (N, P) as numbers."""
    what = "The table" if part == TRAIN else "The table of test images"
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise IntakeError(
            f"{what} is no text: byte {error.start:,} is not UTF-8.", "Save it as a CSV in UTF-8."
        ) from error
    first = text[:100_000].split("\n", 1)[0]
    mark = max(",;\t", key=first.count)
    cells = next(csv.reader([first.strip()], delimiter=mark), [])
    header = sum(map(_is_number, cells)) < len(cells) / 2
    if len(cells) < 2:
        raise IntakeError(f"{what} has one column.", _EXPECTED)
    frame = _frame(text, mark, header, what)
    if len(frame) > limits.images:
        raise IntakeError(
            f"{what} has {len(frame):,} rows, more than {limits.images:,}.", "Bring fewer."
        )
    label, columns = _columns(frame, header, what)
    return _labels(label, what, header), _pixels(columns, what, header)


def _frame(text: str, mark: str, header: bool, what: str) -> pd.DataFrame:
    try:
        frame = pd.read_csv(
            io.StringIO(text),
            sep=mark,
            header=0 if header else None,
            index_col=False,
            low_memory=False,
            skip_blank_lines=True,
            on_bad_lines="error",
        )
    except (pd.errors.ParserError, pd.errors.EmptyDataError, ValueError, csv.Error) as error:
        line = re.search(r"Expected (\d+) fields in line (\d+), saw (\d+)", str(error))
        said = (
            f"line {int(line[2]):,} has {line[3]} columns, the first {line[1]}"
            if line
            else "it is no CSV"
        )
        raise IntakeError(f"{what} cannot be read: {said}.", _EXPECTED) from error
    if not len(frame):
        raise IntakeError(f"{what} has no rows.", _EXPECTED)
    return frame


def _columns(frame: pd.DataFrame, header: bool, what: str) -> tuple[pd.Series, pd.DataFrame]:
    """The column of the labels, and those of pixels."""
    names = {column: re.sub(r"[^a-z0-9]", "", str(column).lower()) for column in frame.columns}
    if header:
        numbers = [c for c in frame.columns if names[c] in _NUMBERS]
        frame = frame.drop(columns=numbers)
        named = [c for c in frame.columns if names[c] in _LABELS]
        if named:
            return frame[named[0]], frame.drop(columns=named[:1])
        if names[frame.columns[0]].startswith(("pixel", "px")):
            raise IntakeError(
                f"{what} has no column of labels.",
                "Name one “label”. Kaggle's test.csv has none: bring its train.csv.",
            )
    count = frame.shape[1]
    if math.isqrt(count) ** 2 == count and math.isqrt(count - 1) ** 2 != count - 1:
        raise IntakeError(
            f"{what} has {count:,} columns, which are all pixels of a square: none is the label.",
            _EXPECTED,
        )
    return frame.iloc[:, 0], frame.iloc[:, 1:]


def _labels(column: pd.Series, what: str, header: bool) -> np.ndarray:
    missing = np.flatnonzero(column.isna().to_numpy())
    if len(missing):
        raise IntakeError(
            f"{what} has no label in line {_line(missing[0], header):,}.",
            "Add it, or leave the row out.",
        )
    if column.dtype.kind == "f":
        fault = np.flatnonzero((column != column.round()).to_numpy())
        if len(fault):
            raise IntakeError(
                f"{what} has the label {column.iloc[fault[0]]:g} in line "
                f"{_line(fault[0], header):,}, which is no class number.",
                _EXPECTED,
            )
        return column.to_numpy().astype(np.int64)
    if column.dtype.kind in "iub":
        return column.to_numpy().astype(np.int64)
    return column.astype(str).to_numpy(dtype=str)


def _pixels(columns: pd.DataFrame, what: str, header: bool) -> np.ndarray:
    """The pixels as numbers. Names the first cell that is none."""
    for name in columns.columns:
        column = columns[name]
        plain = column if column.dtype.kind in "iuf" else pd.to_numeric(column, errors="coerce")
        values = plain.to_numpy(dtype=np.float64) if plain.dtype.kind == "f" else None
        if values is None:
            continue
        fault = np.flatnonzero(~np.isfinite(values))
        if len(fault):
            cell = column.iloc[fault[0]]
            said = "NaN" if isinstance(cell, float) else labels.shown(str(cell))
            where = f"column {labels.shown(str(name))}" if header else f"column {int(name) + 1}"
            raise IntakeError(
                f"{what} has {said} in line {_line(fault[0], header):,}, {where}, where a pixel is "
                "expected.",
                "Mend it and bring it again.",
            )
    return columns.to_numpy()


def _line(row: int, header: bool) -> int:
    """The line of the file that a row stands on, from 1."""
    return int(row) + (2 if header else 1)


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
