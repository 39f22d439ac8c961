"""Values as JSON and back, without pickle: what a student's function is given, and what it returned.

Plain numbers, texts, lists, tuples, dictionaries, NumPy arrays and PyTorch tensors keep their kind. Anything else
becomes its type's name: nothing that is read back can run.
"""

from __future__ import annotations

import base64
import math
import sys
from typing import Any

import numpy as np

MAX_BYTES = 8_000_000
MAX_DEPTH = 8
_KINDS = "biuf"  # NumPy's kinds of dtype that are numbers


class Other:
    """Stands for a value that is not carried over; knows its type's name."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"<{self.name}>"


def _array(value: Any, kind: str) -> dict[str, Any]:
    array = np.asarray(value)
    if array.dtype.kind not in _KINDS:
        return {"other": f"array of {array.dtype}"}
    if array.nbytes > MAX_BYTES:
        return {"other": f"array of {array.nbytes:,} bytes, which is too large"}
    array = np.ascontiguousarray(array)
    data = base64.b64encode(array.astype(array.dtype.newbyteorder("<")).tobytes()).decode()
    return {"array": data, "dtype": array.dtype.str.lstrip("<>=|"), "shape": list(np.shape(value)), "kind": kind}


def pack(value: Any, depth: int = 0) -> Any:
    """The value as something that `json.dumps` takes.

    Args:
        value: anything; what cannot be carried over becomes {"other": type name}.
        depth: how deep in lists this value lies already.
    """
    if value is None or isinstance(value, bool | str):
        return value if value is None or type(value) in (bool, str) else {"other": type(value).__name__}
    if value is ...:
        return {"unanswered": True}
    if type(value) is int:
        return value if value.bit_length() < 1000 else {"other": "whole number of more than 300 digits"}
    if type(value) is float:
        return value if math.isfinite(value) else {"float": repr(value)}
    if depth >= MAX_DEPTH:
        return {"other": f"nested deeper than {MAX_DEPTH}"}
    if isinstance(value, list | tuple):
        if len(value) > 100_000:
            return {"other": f"list of {len(value):,}, which is too long"}
        return {"list" if isinstance(value, list) else "tuple": [pack(part, depth + 1) for part in value]}
    if isinstance(value, dict):
        return {"dict": [[pack(key, depth + 1), pack(part, depth + 1)] for key, part in value.items()]}
    if isinstance(value, np.ndarray | np.number | np.bool_):
        return _array(value, "numpy")
    torch = sys.modules.get("torch")  # a tensor cannot be here if nobody imported torch
    if torch is not None and isinstance(value, torch.Tensor):
        tensor = value.detach().cpu()
        return _array((tensor.float() if tensor.dtype == torch.bfloat16 else tensor).numpy(), "torch")
    return {"other": type(value).__name__}


def unpack(data: Any, tensors: bool = False, depth: int = 0) -> Any:
    """The value that `pack` wrote.

    Args:
        data: what `json.loads` gave, from anywhere: nothing in it is trusted.
        tensors: whether to give back PyTorch tensors as such; otherwise they become arrays.
        depth: how deep in lists this value lies already.

    Raises:
        ValueError: data is not of the form that `pack` writes.
    """
    if data is None or isinstance(data, bool | int | float | str):
        return data
    if depth > MAX_DEPTH or not isinstance(data, dict) or not data:
        raise ValueError(f"a packed value must be a number, a text or one of pack's dictionaries, got {type(data)}")
    tag = next(iter(data))
    inside = data[tag]
    if tag == "unanswered":
        return ...
    if tag == "float" and inside in ("nan", "inf", "-inf"):
        return float(inside)
    if tag == "other":
        return Other(str(inside)[:200])
    if tag in ("list", "tuple") and isinstance(inside, list):
        parts = [unpack(part, tensors, depth + 1) for part in inside]
        return parts if tag == "list" else tuple(parts)
    if tag == "dict" and isinstance(inside, list):
        pairs = [(unpack(key), unpack(part, tensors, depth + 1)) for key, part in inside]
        return {key: part for key, part in pairs if isinstance(key, str | int | float | bool)}
    if tag == "array":
        dtype, shape = np.dtype(str(data.get("dtype"))), data.get("shape")
        if dtype.kind not in _KINDS or not isinstance(shape, list) or not all(type(n) is int for n in shape):
            raise ValueError(f"an array must be of numbers, with a shape, got {dtype} and {shape}")
        array = np.frombuffer(base64.b64decode(str(inside)), dtype=dtype.newbyteorder("<")).reshape(shape)
        array = array.astype(dtype)  # a copy that may be written to
        if tensors and data.get("kind") == "torch":
            import torch

            return torch.from_numpy(array)
        return array
    raise ValueError(f"a packed value must be one of pack's dictionaries, got the key {tag!r}")
