"""A series kept small: what a viewer is sent of a curve does not grow with the run.

A series is a row of buckets. A fresh bucket is one point; when there are too many, neighbours are
merged, the older ones first, and a bucket keeps the lowest, the highest and the mean of what it
holds: no spike is ever lost, and a smoothed line drawn from the means stays the true one.
"""

import math
from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np

LIMIT = 1000  # buckets of a whole series, at most two drawn points each
RECENT = 240  # the newest points, which stay as they were recorded
PER_MESSAGE = 120  # points a series adds to one message as they are; more of them are merged
MERGED = 40  # into so many buckets, which take about as many bytes


@dataclass(frozen=True)
class Buckets:
    """Equally long rows, oldest first: `last` step in the bucket, `count` of points, and their
    `low`, `high` and `mean`; a value that is not finite makes its bucket's three NaN."""

    last: np.ndarray
    count: np.ndarray
    low: np.ndarray
    high: np.ndarray
    mean: np.ndarray

    @classmethod
    def of(cls, steps: np.ndarray, values: np.ndarray) -> Self:
        """A bucket for each point. `steps` (N,) ascending, `values` (N,)."""
        value = np.where(np.isfinite(values), values, np.nan).astype(np.float64)
        last = np.asarray(steps, np.int64)
        return cls(last, np.ones_like(last), value, value, value)

    def __len__(self) -> int:
        return len(self.last)

    def __getitem__(self, part: slice) -> "Buckets":
        return Buckets(*(getattr(self, field.name)[part] for field in fields(self)))

    def followed_by(self, other: "Buckets") -> "Buckets":
        """These and then those."""
        return Buckets(
            *(
                np.concatenate([getattr(self, field.name), getattr(other, field.name)])
                for field in fields(self)
            )
        )

    def squeezed(self, most: int) -> "Buckets":
        """At most `most` buckets of about equally many points, holding the same points."""
        if len(self) <= most:
            return self
        ends = np.cumsum(self.count)
        size = -(-int(ends[-1]) // most)
        first = np.flatnonzero(np.diff((ends - 1) // size, prepend=-1))
        count = np.add.reduceat(self.count, first)
        return Buckets(
            np.append(self.last[first[1:] - 1], self.last[-1]),
            count,
            np.minimum.reduceat(self.low, first),
            np.maximum.reduceat(self.high, first),
            np.add.reduceat(self.mean * self.count, first) / count,
        )

    @property
    def span(self) -> float:
        """From the lowest to the highest value; 0 where there is none."""
        known = np.isfinite(self.low) & np.isfinite(self.high)
        return float(self.high[known].max() - self.low[known].min()) if known.any() else 0.0

    def to_message(self, start: int, span: float) -> dict[str, Any]:
        """What the browser is sent: the points after step `start`, of a curve whose values lie
        within `span`. `y` are the means; `x` is left out where the steps follow each other, `n`,
        `low`, `high` where every bucket is a point."""
        message: dict[str, Any] = {
            "start": start,
            "end": int(self.last[-1]) if len(self) else start,
            "y": _short(self.mean, span),
        }
        if not np.array_equal(self.last, np.arange(start + 1, start + 1 + len(self))):
            message["x"] = self.last.tolist()
        if self.count.max(initial=1) > 1:
            message["n"] = self.count.tolist()
            message["low"] = _short(self.low, span)
            message["high"] = _short(self.high, span)
        return message


class Series:
    """All of a curve so far in at most LIMIT buckets, and what came since the last look."""

    def __init__(self) -> None:
        self.buckets = Buckets.of(np.empty(0, np.int64), np.empty(0))
        self.end = 0

    def add(self, steps: np.ndarray, values: np.ndarray) -> dict[str, Any] | None:
        """Takes the points that follow; gives the message that adds them, None if there are none.
        `steps` (N,) ascending and beyond `end`, `values` (N,)."""
        if not len(steps):
            return None
        start, fresh = self.end, Buckets.of(steps, values)
        self.buckets = self.buckets.followed_by(fresh)
        self.end = int(steps[-1])
        if len(self.buckets) > LIMIT:
            old = self.buckets[: len(self.buckets) - RECENT]
            new = self.buckets[len(self.buckets) - RECENT :]
            self.buckets = old.squeezed((LIMIT - RECENT) // 2).followed_by(new)
        told = fresh if len(fresh) <= PER_MESSAGE else fresh.squeezed(MERGED)
        return told.to_message(start, self.buckets.span)

    def whole(self) -> dict[str, Any]:
        """The message that says the whole curve."""
        return self.buckets.to_message(0, self.buckets.span)


def _short(values: np.ndarray, span: float) -> list[float | None]:
    """As many digits as can be seen: four significant ones, more where the whole curve moves by
    less than that (a thousandth of `span` is a third of a pixel), at most the eight that a float32
    has; None where there is no number."""
    places = 3 - math.floor(math.log10(span)) if span > 0 else -400
    found: list[float | None] = []
    for value in values.tolist():
        if not math.isfinite(value):
            found.append(None)
            continue
        whole = math.floor(math.log10(abs(value))) if value else 0
        found.append(float(f"{value:.{min(max(4, places + whole + 1), 8)}g}"))
    return found
