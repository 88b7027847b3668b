"""Answers with arrays in them, as browsers read them fastest: JSON and raw bytes in one body.

Four bytes with the length of the JSON (little-endian), the JSON, then the arrays' bytes, each
begun at a multiple of four. In the JSON an array is {"at", "type", "shape"}: where it begins
behind the JSON, "u1", "i4" or "f4", and its shape. `ask.js` is the other end.
"""

import json
import struct
from collections.abc import Mapping
from typing import Any

import numpy as np

TYPES = {np.dtype(np.uint8): "u1", np.dtype(np.int32): "i4", np.dtype(np.float32): "f4"}


def pack(value: Mapping[str, Any]) -> bytes:
    """The body for a value of plain numbers, texts, lists, dicts and arrays of uint8, int32 or
    float32. Numbers that are not finite become null, in arrays they stay."""
    arrays: list[bytes] = []
    size = 0

    def plain(value: Any) -> Any:
        nonlocal size
        if isinstance(value, Mapping):
            return {str(name): plain(item) for name, item in value.items()}
        if isinstance(value, list | tuple):
            return [plain(item) for item in value]
        if isinstance(value, np.ndarray):
            content = value.astype(value.dtype.newbyteorder("<")).tobytes()
            found = {"at": size, "type": TYPES[value.dtype], "shape": list(value.shape)}
            arrays.append(content + b"\0" * (-len(content) % 4))
            size += len(arrays[-1])
            return found
        if isinstance(value, float) and not np.isfinite(value):
            return None
        return value

    header = json.dumps(plain(value), separators=(",", ":"), ensure_ascii=False).encode()
    header += b" " * (-len(header) % 4)
    return struct.pack("<I", len(header)) + header + b"".join(arrays)
