"""Similarity by cosine over all vectors of a dataset, held in memory while they do not change."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from argilla_server.models import Vector
from sqlalchemy import func, select

KEPT = 4  # matrices of so many vector settings stay in memory


@dataclass(frozen=True, slots=True)
class Matrix:
    """Unit vectors of one vector setting.

    state      number of vectors and the time of their last change
    records    record id -> row
    units      float32 (records, dimensions); a zero vector stays zero
    """

    state: tuple[Any, ...]
    records: dict[Any, int]
    units: np.ndarray[Any, np.dtype[np.float32]]


_matrices: dict[Any, Matrix] = {}


async def matrix(db: Any, settings_id: Any) -> Matrix:
    """The vectors of the vector setting `settings_id`, read again only where one was written since."""
    of_settings = Vector.vector_settings_id == settings_id
    state = tuple(
        (await db.execute(select(func.count(), func.max(Vector.updated_at)).where(of_settings))).one()
    )
    held = _matrices.pop(settings_id, None)
    if held is None or held.state != state:
        rows = (await db.execute(select(Vector.record_id, Vector.value).where(of_settings))).all()
        values = np.asarray([value for _, value in rows], dtype=np.float32)
        if rows:
            values /= np.maximum(np.linalg.norm(values, axis=1, keepdims=True), 1e-12)
        held = Matrix(state, {record: row for row, (record, _) in enumerate(rows)}, values)
    _matrices[settings_id] = held
    while len(_matrices) > KEPT:
        _matrices.pop(next(iter(_matrices)))
    return held


def nearest(held: Matrix, target: list[float], records: list[Any], *, least: bool) -> list[tuple[Any, float]]:
    """(record, score) of `records`, best first. The score is Elasticsearch's (1 + cosine) / 2, of the opposite
    vector for `least`; equal scores keep the order of `records`."""
    records = [record for record in records if record in held.records]
    if not records:
        return []
    unit = np.asarray(target, dtype=np.float32) * (-1 if least else 1)
    unit /= max(float(np.linalg.norm(unit)), 1e-12)
    scores = (1 + held.units[[held.records[record] for record in records]] @ unit) / 2
    return [(records[row], float(scores[row])) for row in np.argsort(-scores, kind="stable")]
