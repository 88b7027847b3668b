"""The curves of a run for other tools: Parquet for tables, event files for TensorBoard. Neither
imports TensorFlow: TensorBoard's own writer of records needs none."""

import io
import json
import zipfile
from typing import Any

import numpy as np

from playground.analysis.curves import CLOCK, Recorded, recorded
from playground.runs.store import Store

SPLITS = ("train", "validation", "test")


def parquet(store: Store, run_id: str) -> bytes:
    """All that was recorded of a run as Parquet, the columns of `curves.table`: step int64, epoch
    float64, the others float32, null at a step where there is nothing. The settings lie beside
    them, as JSON under "spec" of the schema's metadata. Raises SpecError for an unknown run,
    StoreError."""
    import pyarrow
    import pyarrow.parquet

    found = recorded(store, run_id)
    columns = {"step": pyarrow.array(found.steps, pyarrow.int64())}
    if len(found.epoch):
        columns["epoch"] = pyarrow.array(found.epoch, pyarrow.float64())
    for name, (places, values) in found.series.items():
        column, nothing = np.zeros(len(found.steps), np.float32), np.ones(len(found.steps), bool)
        column[places], nothing[places] = values, False
        columns[name] = pyarrow.array(column, pyarrow.float32(), mask=nothing)
    table = pyarrow.table(columns).replace_schema_metadata({"spec": found.record.spec.to_json()})
    content = io.BytesIO()
    pyarrow.parquet.write_table(table, content)
    return content.getvalue()


def tensorboard(store: Store, run_id: str) -> bytes:
    """A zip of a folder with an event file, for `tensorboard --logdir`: of each series a scalar at
    each step at which it has a value, under what it measures and of which images it does
    ("loss/train", "accuracy/validation"), and the settings as a text. Times are those of training
    without pauses, counted from the run's creation; a run that did not record them has steps alone.
    Raises SpecError for an unknown run, StoreError."""
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.summary.writer.record_writer import RecordWriter

    found = recorded(store, run_id)
    began = found.record.created.timestamp()
    times = _times(found) + began
    values: list[list[Summary.Value]] = [[] for _ in found.steps]
    for name, (places, series) in found.series.items():
        tag = _tag(name)
        for place, value in zip(places.tolist(), series.tolist(), strict=True):
            values[place].append(Summary.Value(tag=tag, simple_value=value))
    file = io.BytesIO()
    writer = RecordWriter(file)
    first = [
        Event(wall_time=began, file_version="brain.Event:2"),
        Event(wall_time=began, step=0, summary=Summary(value=[_settings(found)])),
    ]
    for event in first:
        writer.write(event.SerializeToString())
    for step, time, here in zip(found.steps.tolist(), times.tolist(), values, strict=True):
        event = Event(wall_time=time, step=step, summary=Summary(value=here))
        writer.write(event.SerializeToString())
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        folder = f"run-{found.record.number}"
        archive.writestr(f"{folder}/events.out.tfevents.{began:.0f}.playground", file.getvalue())
    return content.getvalue()


def _tag(name: str) -> str:
    """TensorBoard draws together what is the same before the last /."""
    split, _, metric = name.partition("_")
    if split in SPLITS and metric:
        return f"{metric}/{split}"
    return f"{name}/train" if name != CLOCK else CLOCK


def _times(found: Recorded) -> np.ndarray:
    """Seconds since the run began at each of its steps."""
    if CLOCK not in found.series:
        return np.zeros(len(found.steps))
    places, seconds = found.series[CLOCK]
    known = np.isfinite(seconds)
    if not known.any():
        return np.zeros(len(found.steps))
    return np.interp(np.arange(len(found.steps)), places[known], seconds[known])


def _settings(found: Recorded) -> Any:
    """The spec as a block of code, which the text view's Markdown leaves as it is: a
    Summary.Value."""
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.plugins.text import metadata
    from tensorboard.util.tensor_util import make_tensor_proto

    spec = json.dumps(json.loads(found.record.spec.to_json()), indent=1, ensure_ascii=True)
    block = "".join(f"    {line}\n" for line in spec.splitlines())
    return Summary.Value(
        tag="settings",
        tensor=make_tensor_proto(block, dtype="string"),
        metadata=metadata.create_summary_metadata("", ""),
    )
