"""Frames over a pipe between the server and a worker: JSON and raw array bytes, never pickles.

A frame is two big-endian lengths (4 bytes each), then a JSON header, then the arrays' bytes one
after the other. The header holds the message with null where an array was, and for each array
its path in the message, its type and its shape.
"""

import dataclasses
import io
import json
import math
import os
import struct
import sys
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

import numpy as np

from playground.errors import WorkerError
from playground.training.events import KINDS, Event

MAX_HEADER = 8 * 2**20
MAX_BODY = 512 * 2**20
_LENGTHS = struct.Struct(">II")


def send(stream: BinaryIO, message: Mapping[str, Any]) -> None:
    """Writes one message: text, numbers, booleans, None, lists, dicts with text keys, arrays.

    Raises TypeError for anything else, WorkerError for a message larger than a frame, OSError
    or ValueError when the other end is gone.
    """
    arrays: list[tuple[list[str | int], np.ndarray]] = []
    plain = _plain(message, [], arrays)
    header = json.dumps(
        {"message": plain, "arrays": [[path, a.dtype.str, list(a.shape)] for path, a in arrays]},
        separators=(",", ":"),
    ).encode()
    size = sum(array.nbytes for _, array in arrays)
    if len(header) > MAX_HEADER or size > MAX_BODY:
        raise WorkerError(
            f"A message of {len(header) + size:,} bytes is too large for a frame of at most "
            f"{MAX_BODY:,}."
        )
    stream.write(_LENGTHS.pack(len(header), size) + header)
    for _, array in arrays:
        stream.write(array.tobytes())
    stream.flush()


def receive(stream: BinaryIO) -> dict[str, Any] | None:
    """The next message, its arrays writable; None when the other end closed between two frames.

    Raises WorkerError for a frame that is cut off, too large or not one of ours.
    """
    lengths = stream.read(_LENGTHS.size)
    if not lengths:
        return None
    header_size, body_size = _sizes(lengths)
    try:
        header = json.loads(_read(stream, header_size))
        message, body, offset = header["message"], _read(stream, body_size), 0
        for path, kind, shape in header["arrays"]:
            if any(length < 0 for length in shape):
                raise ValueError("a negative length")
            dtype = _sendable(np.dtype(kind))
            array = np.frombuffer(body, dtype, math.prod(shape), offset).reshape(shape)
            offset += array.nbytes
            _put(message, path, array)
    except (ValueError, TypeError, LookupError, AttributeError) as error:
        raise WorkerError("What the other process wrote is not a message.") from error
    if not isinstance(message, dict) or offset != body_size:
        raise WorkerError("What the other process wrote is not a message.")
    return message


def receive_packed(stream: BinaryIO) -> bytes | None:
    """The next message as it came, for who passes it on; None when the other end closed between two
    frames. Raises WorkerError as `receive` does, but for what the bytes mean."""
    lengths = stream.read(_LENGTHS.size)
    return lengths + _read(stream, sum(_sizes(lengths))) if lengths else None


def pack(message: Mapping[str, Any]) -> bytes:
    """A message as the bytes that `send` writes. Raises TypeError and WorkerError as it does."""
    stream = io.BytesIO()
    send(stream, message)
    return stream.getvalue()


def unpack(packed: bytes) -> Iterator[dict[str, Any]]:
    """The messages that stand one after the other in some bytes. Raises WorkerError."""
    stream = io.BytesIO(packed)
    while (message := receive(stream)) is not None:
        yield message


def own_stdout() -> BinaryIO:
    """The pipe to whom a process answers, for frames alone: what anyone prints goes to stderr from
    now on."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    return answers


def event_to_message(event: Event) -> dict[str, Any]:
    """An event as a message: its kind's name and its fields."""
    fields = {field.name: getattr(event, field.name) for field in dataclasses.fields(event)}
    return {"event": type(event).__name__, "fields": fields}


def message_to_event(message: Mapping[str, Any]) -> Event:
    """The inverse of `event_to_message`. Raises WorkerError for what is no event."""
    kind = KINDS.get(message.get("event", ""))
    if kind is None:
        raise WorkerError(f"A worker sent an unknown event: {message.get('event')!r}.")
    try:
        event: Event = kind(**message["fields"])
    except (KeyError, TypeError) as error:
        raise WorkerError(f"A worker sent a {kind.__name__} with other fields.") from error
    return event


def _plain(value: Any, path: list[str | int], arrays: list[tuple[list[str | int], Any]]) -> Any:
    """`value` for JSON, with None for each array, which goes to `arrays` with its path."""
    if isinstance(value, np.ndarray):
        dtype = _sendable(value.dtype).newbyteorder("<")
        # ascontiguousarray would turn shape () into (1,).
        arrays.append((path, np.asarray(value, dtype, order="C")))
        return None
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str):
                raise TypeError(f"expected text as a key of a message, got {key!r}")
        return {key: _plain(item, [*path, key], arrays) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item, [*path, index], arrays) for index, item in enumerate(value)]
    return value


def _sendable(dtype: np.dtype) -> np.dtype:
    if dtype.kind not in "biuf" or dtype.itemsize > 8:
        raise TypeError(f"expected an array of numbers, got {dtype}")
    return dtype


def _put(message: Any, path: list[str | int], array: np.ndarray) -> None:
    for key in path[:-1]:
        message = message[key]
    message[path[-1]] = array


def _sizes(lengths: bytes) -> tuple[int, int]:
    """Of a frame's header and of its arrays."""
    if len(lengths) < _LENGTHS.size:
        raise WorkerError("The other process ended in the middle of a message.")
    header_size, body_size = _LENGTHS.unpack(lengths)
    if header_size > MAX_HEADER or body_size > MAX_BODY:
        raise WorkerError("What the other process wrote is not a message.")
    return header_size, body_size


def _read(stream: BinaryIO, size: int) -> bytearray:
    """Exactly `size` bytes. Raises WorkerError when the stream ends before."""
    found = bytearray(size)
    view, done = memoryview(found), 0
    while done < size:
        count = stream.readinto(view[done:])  # type: ignore[attr-defined]
        if not count:
            raise WorkerError("The other process ended in the middle of a message.")
        done += count
    return found
