"""The two compiled functions of a run: train an interval of steps, evaluate some images.

The data sits on the device as uint8; a step gathers its batch by index. A whole interval of steps
is one loop inside one graph, so Python and the reports cost something once an interval and not
once a step; the numbers of a step do not depend on where the intervals are cut.
"""

import functools
import logging
import os
from collections.abc import Callable, Hashable, Iterable, Mapping
from functools import cached_property
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from playground.datasets.splits import ALIGNMENT
from playground.settings import settings
from playground.training import optimizers
from playground.training.traces import TRACES, Shared
from playground.training.weighers import Taped
from playground.training.work import Seen, Tensors, Work

_log = logging.getLogger(__name__)
FORWARD = 512  # images of one forward pass of an evaluation
SHARES = 2  # parts of a training batch that are computed side by side
LEAST_SHARED = 32  # a smaller batch stays whole


def _arrange_threads() -> None:
    """Gives each share of a batch its own cores. Kernels that run side by side in few threads beat
    kernels that one after the other wait for all threads: 1.25 times and more on two cores."""
    given = settings().worker_cores
    cores = given or os.cpu_count() or 1
    try:
        tf.config.threading.set_intra_op_parallelism_threads(max(1, cores // SHARES))
        tf.config.threading.set_inter_op_parallelism_threads(given or max(SHARES, cores))
    except RuntimeError:
        _log.info("TensorFlow was in use before: its threads stay as they are.")


_arrange_threads()


class _Compiled:
    """A function traced once, at its first call, for arguments of these kinds, tensors and
    dictionaries of tensors; or that another run has traced (`shared`). Calling the traced graph
    itself costs a third of what `tf.function` spends on finding out that it is the one."""

    def __init__(self, shared: Shared, function: Callable[..., Any], *signature: Any) -> None:
        kinds = tf.nest.flatten(signature)

        def flat(*tensors: Any) -> Any:
            return function(*tf.nest.pack_sequence_as(signature, tensors))

        self._function = tf.function(flat, input_signature=kinds, autograph=False)
        self._kinds = [kind.dtype for kind in kinds]
        self._shared, self._name = shared, function.__name__

    @cached_property
    def _graph(self) -> Callable[..., Any]:
        return self._shared.graph(self._name, self._function.get_concrete_function)

    def __call__(self, *arguments: Any) -> Any:
        return self._graph(*map(tf.convert_to_tensor, tf.nest.flatten(arguments), self._kinds))


def _sum(values: Iterable[Any]) -> Any:
    return functools.reduce(lambda one, other: one + other, values)


class Graph:
    """The work of a task, its loss and its optimiser over rows that stay on the device."""

    def __init__(
        self,
        work: Work,
        optimizer: keras.optimizers.Optimizer,
        batch_size: int,
        steps: int,
        steps_per_epoch: int,
    ) -> None:
        self.work = work
        self.model = work.built.model
        self._network = work.built.giving(work.outputs, named=True)
        self._shapes = {name: work.built.tensors[name].shape[1:] for name in work.outputs}
        self._optimizer = optimizer
        optimizer.build(self._trained_variables)
        self.optimizer_variables = optimizers.variables(optimizer)
        # Each of its variables begins with one number throughout.
        self._fresh = [float(np.ravel(each.numpy())[0]) for each in self.optimizer_variables]
        self._rows = {name: _on_device(_narrow(a)) for name, a in work.rows["train"].items()}
        self._kinds = _kinds(self._rows)
        self._measured_kinds = _kinds(work.rows_of("validation", np.arange(1)))
        self._batch_size = batch_size
        self._steps_per_epoch = steps_per_epoch
        # What progress and epoch are counted by: variables, because runs that differ in length
        # share their graphs.
        self._length = tf.Variable(float(max(1, steps)), trainable=False)
        self._epoch = tf.Variable(float(steps_per_epoch), trainable=False)
        key = self._key()
        shared = TRACES.of(key, [] if key is None else self._variables())
        self._take(work.loss, shared)
        targets_graph = tf.function(
            lambda rows: work.batch(rows, None).parts[0][1], autograph=False
        )
        targets = targets_graph.get_concrete_function(self._measured_kinds).structured_outputs
        self._measure_graph = _Compiled(
            shared,
            self._measure,
            {name: tf.TensorSpec((None, *s), tf.float32) for name, s in self._shapes.items()},
            {name: tf.TensorSpec(each.shape, each.dtype) for name, each in targets.items()},
            tf.TensorSpec((), tf.int32),
        )

    @property
    def _trained_variables(self) -> list[Any]:
        learned = self.work.weigher.learned if self.work.weigher is not None else []
        return [*self._network.trainable_variables, *learned]

    @property
    def seeds(self) -> list[Any]:
        """The variables of the network that are no weights: where its random streams are."""
        weights = {id(each) for each in self.model.weights}
        return [each for each in self.model.variables if id(each) not in weights]

    def forget(self) -> None:
        """Lets the optimiser begin anew: what it has gathered of earlier gradients is gone."""
        for variable, value in zip(self.optimizer_variables, self._fresh, strict=True):
            variable.assign(tf.fill(variable.shape, tf.cast(value, variable.dtype)))

    def _key(self) -> Hashable | None:
        """What the graphs of this run depend on, but for its variables; None: on more than is
        known."""
        key = self.work.traced_by()
        return None if key is None else (key, self._batch_size, repr(self._kinds))

    def _variables(self) -> list[Any]:
        """All variables of TensorFlow that the graphs may read or move, in one order."""
        values = [each.value for each in (*self.model.variables, *self.optimizer_variables)]
        return [*values, *self.work.variables(), self._length, self._epoch]

    def adopt(self, loss: Any) -> None:
        """Takes this loss from now on: the graphs that have a loss in them are traced anew."""
        self._take(loss, TRACES.of(None, []))

    def _take(self, loss: Any, shared: Shared) -> None:
        self.loss = loss
        number = tf.TensorSpec((), tf.int32)
        # The data goes in as arguments: TensorFlow never lets go of a tensor that a function with
        # a loop in it has captured.
        self._train_graph = _Compiled(
            shared,
            self._train,
            self._kinds,
            tf.TensorSpec((None, self._batch_size), tf.int32),
            tf.TensorSpec((None,), tf.float32),
            number,
        )
        self._evaluate_graph = _Compiled(
            shared, self._evaluate, self._measured_kinds, number, number
        )

    def provided(self, outputs: Tensors, targets: Tensors, step: Any) -> Mapping[str, Any]:
        """What a loss may ask for; `step` counts from 1."""
        done = tf.cast(step - 1, tf.float32)
        clock = (tf.cast(step, tf.float32), done / self._epoch, done / self._length)
        return self.work.provided(outputs, targets, clock)

    def _trained_loss(self, outputs: Tensors, targets: Tensors, step: Any) -> Any:
        known = self.provided(outputs, targets, step)
        return tf.cast(self.work.trained(self.loss, known), tf.float32)

    def _loss(self, outputs: Tensors, targets: Tensors, step: Any) -> Any:
        known = self.provided(outputs, targets, step)
        return tf.cast(self.loss.on(self.work.tensors(self.loss, known)), tf.float32)

    def train(self, indices: np.ndarray, rates: np.ndarray, first_step: int) -> Any:
        """One interval: `indices` (k, B) of the batches, `rates` (k,), the number of the first
        step. Returns how many steps were taken, whether all were finite, (k, 2 + r) of loss,
        gradient norm and the work's r reports, and the last step's outputs. A step whose loss or
        gradient is not finite changes no weight and ends the interval."""
        return self._train_graph(self._rows, indices, rates, first_step)

    def targets_of(self, indices: np.ndarray, step: int) -> Tensors:
        """The targets of a batch as they were at a step, the first where two were blended."""
        rows = self.work.gather(self._rows, tf.constant(indices, tf.int32), tf.constant(step))
        return self.work.batch(rows, tf.constant(step)).parts[0][1]

    def warm(self) -> None:
        """Traces and optimises the graphs by using them on nothing: no number changes."""
        self.train(np.zeros((0, self._batch_size), np.int32), np.zeros(0, np.float32), 1)
        two = {
            name: _narrow(each)
            for name, each in self.work.rows_of("validation", np.zeros(2, np.int64)).items()
        }
        _, outputs, targets = self._evaluate_graph(two, 1, 0)
        self._measure_graph(outputs, targets, 0)

    def _train(self, rows: Tensors, indices: Any, rates: Any, first_step: Any) -> Any:
        steps, batch = tf.shape(indices)[0], indices.shape[1]
        size = 2 + len(self.work.reports)

        def more(i: Any, finite: Any, *_: Any) -> Any:
            return finite & (i < steps)

        def body(i: Any, _finite: Any, reports: Any, _outputs: Any) -> Any:
            gathered = self.work.gather(rows, indices[i], first_step + i)
            finite, report, outputs = self._step(gathered, rates[i], first_step + i)
            return i + 1, finite, reports.write(i, report), outputs

        taken, finite, reports, outputs = tf.while_loop(
            more,
            body,
            (
                0,
                True,
                tf.TensorArray(tf.float32, steps, element_shape=(size,)),
                {name: tf.zeros((batch, *shape)) for name, shape in self._shapes.items()},
            ),
            parallel_iterations=1,
        )
        return taken, finite, reports.stack(), outputs

    def _step(self, rows: Tensors, rate: Any, step: Any) -> Any:
        batch = self.work.batch(rows, step)
        variables, weigher = self._trained_variables, self.work.weigher
        with tf.GradientTape(persistent=weigher is not None) as tape:
            outputs = self._forward(batch.inputs)
            terms = [] if weigher is None else self._terms(outputs, batch.parts, step)
            loss = minimised = (
                _sum(
                    part * self._trained_loss(outputs, targets, step)
                    for part, targets in batch.parts
                )
                if weigher is None
                else _sum(terms)
            )
            if weigher is not None:
                minimised = weigher.total(stacked := tf.stack(terms))
            # The penalty steers the weights but is left out of the curve: the validation loss
            # beside it has none, and the gap between the two should mean something.
            total = tf.add_n([minimised, *self._network.losses])
        # TensorFlow's own variables: it knows no zeros for one of Keras that the loss leaves out.
        sources = [variable.value for variable in variables]
        if weigher is None:
            gradients = tape.gradient(
                total, sources, unconnected_gradients=tf.UnconnectedGradients.ZERO
            )
        else:
            taped = Taped(tape, terms, total, step)
            gradients = weigher.gradients(taped, sources)
            kernel = self.model.get_layer(self.work.shared).kernel.value
            norms = weigher.norms(taped, kernel)
        norm = tf.linalg.global_norm(gradients)
        finite = tf.math.is_finite(total) & tf.math.is_finite(norm)

        def apply() -> Any:
            with self.work.stepping(gradients):
                optimizers.apply(self._optimizer, gradients, variables, rate)
            self.work.moved(outputs, rows)
            if weigher is not None:
                weigher.moved(stacked, norms, step % self._steps_per_epoch == 0)
            return True

        tf.cond(finite, apply, lambda: False)
        reports_of_parts = [
            (part, self.work.report(outputs, targets)) for part, targets in batch.parts
        ]
        reports = [
            _sum(part * said[name] for part, said in reports_of_parts) for name in self.work.reports
        ]
        report = tf.stack([loss, norm, *reports])
        return finite, report, {name: tf.cast(each, tf.float32) for name, each in outputs.items()}

    def _terms(self, outputs: Tensors, parts: Any, step: Any) -> list[Any]:
        """The terms of the loss of a batch, which a weigher weighs."""
        found = [
            [part * tf.cast(each, tf.float32) for each in self.work.trained_terms(self.loss, known)]
            for part, known in ((p, self.provided(outputs, told, step)) for p, told in parts)
        ]
        return [_sum(each) for each in zip(*found, strict=True)]

    def _forward(self, inputs: Tensors) -> dict[str, Any]:
        """The outputs for a training batch, its shares computed side by side. The loss sees the
        whole batch; batch norm sees a share ("ghost batch normalisation", Hoffer et al. 2017),
        whatever the number of cores."""
        count = next(iter(inputs.values())).shape[0]
        split = count >= LEAST_SHARED and count % SHARES == 0
        if not split:
            return self._side_by_side([inputs], training=True)
        parts = {name: tf.split(each, SHARES) for name, each in inputs.items()}
        shares = [{name: each[i] for name, each in parts.items()} for i in range(SHARES)]
        return self._side_by_side(shares, training=True)

    def _side_by_side(self, shares: list[Any], training: bool) -> dict[str, Any]:
        found = [
            self._network(
                share if len(share) > 1 else next(iter(share.values())), training=training
            )
            for share in shares
        ]
        return {name: tf.concat([each[name] for each in found], axis=0) for name in self._shapes}

    def _evaluate(self, rows: Tensors, size: Any, step: Any) -> Any:
        """The loss of each batch of `size` rows, whose number N is a multiple of it, and all
        outputs and targets."""
        seen = self.work.batch(rows, None)
        inputs, targets = seen.inputs, seen.parts[0][1]
        count = tf.shape(next(iter(inputs.values())))[0]
        half = (count + 1) // 2
        shares = [{name: each[:half] for name, each in inputs.items()}]
        shares.append({name: each[half:] for name, each in inputs.items()})
        outputs = self._side_by_side(shares, training=False)

        def loss(start: Any) -> Any:
            batch = slice(start, start + size)
            return self._loss(_of(outputs, batch), _of(targets, batch), step)

        losses = tf.map_fn(loss, tf.range(0, count, size), fn_output_signature=tf.float32)
        return losses, {name: tf.cast(o, tf.float32) for name, o in outputs.items()}, targets

    def _measure(self, outputs: Tensors, targets: Tensors, step: Any) -> Any:
        """What the work wants of all rows of an evaluation, and each metric of all of them."""
        known = self.provided(outputs, targets, step)
        metrics = {
            key: metric.on(self.work.tensors(metric, known))
            for key, metric in self.work.metrics.items()
        }
        return self.work.answers(known), metrics

    def evaluate(
        self,
        rows: Mapping[str, np.ndarray],
        step: int,
        pressing: Callable[[], bool] = lambda: False,
    ) -> Seen | None:
        """The network on these rows, dropout off; None if something was `pressing` in between.

        The loss is taken over batches of the training size, because it may depend on its batch;
        each metric over all rows together.
        """
        rows = {name: _narrow(rows[name]) for name in self._measured_kinds}
        total = len(next(iter(rows.values())))
        size = min(self._batch_size, total)
        full = total // size * size
        pass_ = max(1, FORWARD // size) * size
        parts = [slice(at, min(at + pass_, full)) for at in range(0, full, pass_)]
        if full < total:
            parts.append(slice(full, total))
        loss, outputs, targets = 0.0, [], []
        for part in parts:
            if pressing():
                return None
            count = part.stop - part.start
            # A single row goes twice, because each half of the graph wants one.
            seen = np.resize(np.arange(part.start, part.stop), max(count, 2))
            losses, *found = self._evaluate_graph(_of(rows, seen), min(size, len(seen)), step)
            loss += float(np.mean(losses)) * count
            outputs.append(_of(found[0], slice(count)))
            targets.append(_of(found[1], slice(count)))
        answers, values = self._measure_graph(_joined(outputs), _joined(targets), step)
        return Seen(
            loss / total,
            {name: each.numpy() for name, each in answers.items()},
            {name: float(value) for name, value in values.items()},
        )


def _kinds(rows: Mapping[str, Any]) -> dict[str, Any]:
    """The kind of each of these rows, however many they are."""
    return {
        name: tf.TensorSpec((None, *each.shape[1:]), each.dtype)
        for name, each in ((name, _narrow(each)) for name, each in rows.items())
    }


def _of(arrays: Mapping[str, Any], chosen: Any) -> dict[str, Any]:
    return {name: each[chosen] for name, each in arrays.items()}


def _joined(parts: list[dict[str, Any]]) -> dict[str, Any]:
    return {name: tf.concat([part[name] for part in parts], axis=0) for name in parts[0]}


def _on_device(array: np.ndarray) -> Any:
    """The array as a tensor. Images share the array's memory where they lie as TensorFlow wants
    them (`splits.laid_out`) and the device is the processor; else it is a copy, as of an array that
    may not be written, which NumPy does not share."""
    aligned = array.dtype == np.uint8 and array.ctypes.data % ALIGNMENT == 0
    if not (aligned and array.flags.writeable) or tf.config.list_logical_devices("GPU"):
        return tf.constant(array)
    return tf.experimental.dlpack.from_dlpack(array.__dlpack__())


def _narrow(array: Any) -> Any:
    """Class numbers and the like as int32, which every kernel takes."""
    return array.astype(np.int32) if array.dtype == np.int64 else array
