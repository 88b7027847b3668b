"""When a run's network is evaluated on images it does not train on, and what is found."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from playground.training import terms
from playground.training.compiled import Graph
from playground.training.control import Control
from playground.training.events import Evaluated

SAMPLE = 512  # validation images of an evaluation inside an epoch; the last of each sees all
EARLY = (1, 5, 10, 20, 40)  # steps of a phase that are followed by an evaluation in any case


class Evaluation:
    """The evaluations of one run. Draws its fixed samples of rows once, in this order: validation
    images, the strip of test rows, and for each phase the rows of the loss' terms."""

    def __init__(self, graph: Graph, steps_per_epoch: int) -> None:
        self._graph, self._work, self._steps_per_epoch = graph, graph.work, steps_per_epoch
        # A row need be no image: Detection draws more canvases than it may have images.
        rows = [int(phase.rows.max()) + 1 for phase in self._work.phases if len(phase.rows)]
        self._trained = max(len(self._work.rows["train"]["images"]), *rows)
        held = len(self._work.rows["validation"]["images"])
        self.sample = np.sort(self._work.draw.permutation(held)[:SAMPLE])
        self._work.choose_strip()
        self.begin_phase(0, 0)

    def begin_phase(self, number: int, step: int) -> None:
        """From this step on the run is in its phase of this number, the first is 0."""
        self._begun = step
        rows = self._work.phases[number].rows
        self._look_at(rows[np.sort(self._work.draw.permutation(len(rows))[: terms.SAMPLE])])

    def _look_at(self, chosen: np.ndarray) -> None:
        """Measures the loss' terms on these training rows."""
        self._chosen = chosen
        self._terms = terms.TermGradients(self._graph, self._work.rows_of("train", chosen))

    def state(self) -> dict[str, Any]:
        """What the phase drew and where the stream of draws is, as plain values."""
        return {
            "begun": self._begun,
            "chosen": self._chosen.tolist(),
            "draw": self._work.draw.bit_generator.state,
        }

    def resume(self, state: Mapping[str, Any]) -> None:
        """Goes on as `state` said. Raises ValueError, KeyError or TypeError for what is none."""
        chosen = np.array(state["chosen"], np.int64)
        if chosen.ndim != 1 or not np.all(np.isin(chosen, np.arange(self._trained))):
            raise ValueError("rows that are not there")
        self._begun = int(state["begun"])
        self._work.draw.bit_generator.state = state["draw"]
        self._look_at(chosen)

    def due(self, step: int) -> bool:
        """Whether the validation images are evaluated after this step."""
        return step == self.next(step - 1)

    def next(self, step: int) -> int:
        """The first step after `step` that is followed by an evaluation; each epoch has the same,
        evenly spread, the last at its end. A phase's first steps, where most happens, have more."""
        epoch, within = divmod(step, self._steps_per_epoch)
        count = min(self._work.spec.evaluations, self._steps_per_epoch)
        number = within * count // self._steps_per_epoch + 1
        due = epoch * self._steps_per_epoch - (-number * self._steps_per_epoch // count)
        early = [self._begun + each for each in EARLY if step < self._begun + each]
        return min([due, *early])

    def splits(self) -> list[str]:
        """The splits that are evaluated when an evaluation is due, in this order."""
        return (
            ["validation"] if self._work.measured_rows("train") is None else ["train", "validation"]
        )

    def measure(self, split: str, step: int, control: Control) -> Evaluated | None:
        """The network on a split, dropout and augmentation off; None if a pause or a stop came in
        between. Of "train" the rows that the work measures; of "validation" all at an epoch's end,
        else a fixed sample, with the strip of test rows; of "test" all."""
        work, graph = self._work, self._graph
        chosen = work.measured_rows(split)
        if split == "validation" and step % self._steps_per_epoch:
            chosen = self.sample
        rows = work.rows_of(split, chosen)
        seen = graph.evaluate(rows, step, lambda: control.pressing)
        if seen is None:
            return None
        judged = work.judge(seen, rows, split)
        metrics, arrays = {"loss": seen.loss, **seen.metrics, **judged.metrics}, judged.arrays
        if split == "validation":
            strip = graph.evaluate(work.rows_of("test", work.strip), step, lambda: control.pressing)
            if strip is None:
                return None
            metrics |= self._terms.measure(step)
            arrays = {**arrays, **work.show(strip)}
        count, everything = (len(each["images"]) for each in (rows, work.rows[split]))
        full = chosen is None or (split == "train" and count == everything)
        epoch = step / self._steps_per_epoch
        return Evaluated(step, epoch, split, count, full, metrics, arrays)
