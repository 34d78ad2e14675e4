"""What came back: the answers of a place, server or file, in one shape."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import polars as pl

from data.annotations import ANNOTATION_SCHEMA
from data.records import canonical_json
from data.store import Store

SUBMITTED, DRAFT, DISCARDED = "submitted", "draft", "discarded"


@dataclass(frozen=True, slots=True)
class Answer:
    """One person's answer to one item.

    response   its id where it is from
    person     who answered: never stored, see `Store.pseudonyms`
    values     question -> value; empty for a discarded item
    stale      what the desk shows is no longer what was pushed
    """

    response: str
    item: str
    person: str
    status: str
    values: dict[str, Any]
    answered: datetime
    stale: bool


def as_frame(store: Store, dataset: str, answers: list[Answer]) -> tuple[pl.DataFrame, int]:
    """The answers as rows for the store, and how many were left out since their item is not one of `dataset`."""
    items = {row["item"]: row for row in store.desk_items(dataset).to_dicts()}
    known = [answer for answer in answers if answer.item in items]
    names = store.pseudonyms(sorted({answer.person for answer in known}))
    rows = [
        {
            "response": answer.response,
            "item": answer.item,
            "record_id": items[answer.item]["record_id"],
            "text_hash": items[answer.item]["text_hash"],
            "annotator": names[answer.person],
            "status": answer.status,
            "answers": canonical_json(answer.values),
            "stale": answer.stale,
            "answered": answer.answered,
        }
        for answer in known
    ]
    return pl.DataFrame(rows, schema=ANNOTATION_SCHEMA), len(answers) - len(known)
