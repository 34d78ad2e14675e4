"""An ONNX model with 4-bit weights becomes one with 8-bit arithmetic, in memory.

`MatMulNBits` unpacks its 4-bit weights to floats in every call. `DynamicQuantizeMatMul` multiplies bytes, which
processors do several times faster: measured at 2.5 times the tokens a second for the model of `model.py`. Weights get
one scale a column, so each moves by at most 1/254 of its column's largest.

An ONNX file is a protocol buffer (onnx.proto: ModelProto.graph = 7; GraphProto.node = 1, .initializer = 5;
NodeProto.input = 1, .output = 2, .name = 3, .op_type = 4, .domain = 7; TensorProto.dims = 1, .data_type = 2, .name = 8,
.raw_data = 9). Only what changes is read; every other field is copied as it stands.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

FLOAT, INT8 = 1, 3  # TensorProto.DataType
BLOCK = 32  # weights that share a scale in MatMulNBits
OLD, NEW, DOMAIN = b"MatMulNBits", b"DynamicQuantizeMatMul", b"com.microsoft"


class Field(NamedTuple):
    """One field of a message: its number, its content (empty for numbers), and all its bytes, the tag included."""

    number: int
    content: bytes
    raw: bytes


def with_int8(model: bytes) -> bytes:
    """The model with every 4-bit product replaced. ValueError where such a product has zero points."""
    return b"".join(_written(7, _graph(f.content)) if f.number == 7 else f.raw for f in _fields(model))


def _graph(graph: bytes) -> bytes:
    fields = list(_fields(graph))
    tensors = {_one(f.content, 8).decode(): f.content for f in fields if f.number == 5}
    nodes = [f for f in fields if f.number == 1 and _one(f.content, 4) == OLD]
    gone: set[str] = set()
    made: list[bytes] = []
    for node in nodes:
        inputs = [f.content for f in _fields(node.content) if f.number == 1]
        if len(inputs) != 3:
            raise ValueError("a 4-bit product with zero points")
        weights, scales = inputs[1].decode(), inputs[2].decode()
        gone |= {weights, scales}
        made += _initializers(weights, _unpacked(tensors[weights], tensors[scales]))
        made.append(_node(inputs[0], inputs[1], _one(node.content, 2)))
    replaced = {node.raw for node in nodes}
    kept = [
        f.raw
        for f in fields
        if f.raw not in replaced and not (f.number == 5 and _one(f.content, 8).decode() in gone)
    ]
    return b"".join([*kept, *made])


def _node(data: bytes, weights: bytes, output: bytes) -> bytes:
    inputs = (data, weights + b".int8", weights + b".scale", weights + b".zero")
    names = b"".join(_written(1, name) for name in inputs)
    rest = _written(2, output) + _written(3, output + b".int8") + _written(4, NEW) + _written(7, DOMAIN)
    return _written(1, names + rest)


def _unpacked(weights: bytes, scales: bytes) -> NDArray[np.float32]:
    """(in, out) floats of 4-bit weights (out, blocks, BLOCK / 2): low half first, 8 stands for 0."""
    packed = np.frombuffer(_one(weights, 9), dtype=np.uint8).reshape(-1, BLOCK // 2)
    scale = np.frombuffer(_one(scales, 9), dtype=np.float32)
    values = np.stack([packed & 15, packed >> 4], axis=-1).astype(np.float32).reshape(-1, BLOCK) - 8
    return np.ascontiguousarray((values * scale[:, None]).reshape(_first_dimension(weights), -1).T)


def _initializers(name: str, weights: NDArray[np.float32]) -> list[bytes]:
    """The byte weights (in, out), their scale a column and their zero points."""
    scale = np.abs(weights).max(axis=0) / 127
    scale[scale == 0] = 1
    whole = np.rint(weights / scale).astype(np.int8)
    return [
        _tensor(f"{name}.int8", whole, INT8),
        _tensor(f"{name}.scale", scale.astype(np.float32), FLOAT),
        _tensor(f"{name}.zero", np.zeros(len(scale), dtype=np.int8), INT8),
    ]


def _tensor(name: str, values: NDArray[Any], kind: int) -> bytes:
    dims = b"".join(_varint(1 << 3) + _varint(n) for n in values.shape)
    return _written(
        5, dims + _varint(2 << 3) + _varint(kind) + _written(8, name.encode()) + _written(9, values.tobytes())
    )


def _first_dimension(tensor: bytes) -> int:
    """Dimensions stand one a field, or all in one (packed)."""
    field = next(f for f in _fields(tensor) if f.number == 1)
    return _read(field.content, 0)[0] if field.content else _read(field.raw, 1)[0]


def _one(message: bytes, number: int) -> bytes:
    """The content of the first field with this number; empty where there is none."""
    return next((f.content for f in _fields(message) if f.number == number), b"")


def _fields(message: bytes) -> Iterator[Field]:
    at = 0
    while at < len(message):
        tag, begin = _read(message, at)
        kind = tag & 7
        if kind == 0:
            end = _read(message, begin)[1]
        elif kind == 2:
            length, begin = _read(message, begin)
            end = begin + length
        else:
            end = begin + (4 if kind == 5 else 8)
        yield Field(tag >> 3, message[begin:end] if kind == 2 else b"", message[at:end])
        at = end


def _written(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _read(message: bytes, at: int) -> tuple[int, int]:
    """A variable-length integer, and where it ends."""
    value = shift = 0
    while True:
        byte = message[at]
        at += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value, at


def _varint(value: int) -> bytes:
    made = bytearray()
    while value > 127:
        made.append(value & 127 | 128)
        value >>= 7
    made.append(value)
    return bytes(made)
