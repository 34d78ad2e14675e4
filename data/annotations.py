"""What people were asked on the labelling desk, and what they answered: every answer is kept, the last one holds.

A `DeskDataset` is a set of questions about items; an item shows one record (or one answer of an evaluation). Answers
are rows of ANNOTATION_SCHEMA: only added, never changed. Annotators have pseudonyms; see `Annotations.pseudonyms`.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl

from data.erasures import Erasures
from data.errors import StoreError
from data.records import canonical_json

ITEM_SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "item": pl.String,
    "record_id": pl.String,
    "text_hash": pl.String,
    "shown_hash": pl.String,
    "why": pl.String,
    "suggestions": pl.String,
    "hidden": pl.String,
    "gold": pl.String,
}
ANNOTATION_SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "response": pl.String,
    "item": pl.String,
    "record_id": pl.String,
    "text_hash": pl.String,
    "annotator": pl.String,
    "status": pl.String,
    "answers": pl.String,
    "stale": pl.Boolean,
    "answered": pl.Datetime("us"),
}
DELETED = "deleted"


@dataclass(kw_only=True, slots=True)
class DeskDataset:
    """One set of questions about items.

    dataset    its name
    place      where it is: `argilla:` and the server's id of it, or `file:` and a path
    version    the version (or the evaluation) that its items are of
    scrubbed   whether personal data had been replaced in that version
    questions  the question set
    overlap    answers wanted for each item
    """

    dataset: str
    place: str
    version: str
    scrubbed: bool
    questions: dict[str, Any]
    overlap: int
    created: datetime | None = None


class Annotations(Erasures):
    """The part of the store that keeps questions and answers."""

    path: Path

    def desk_datasets(self) -> list[DeskDataset]:
        """All that were pushed, oldest first."""
        if not self.has("desk_datasets"):
            return []
        rows = self.query("SELECT * FROM desk_datasets ORDER BY created, dataset").to_dicts()
        return [DeskDataset(**{**row, "questions": json.loads(row["questions"])}) for row in rows]

    def save_desk_dataset(self, dataset: DeskDataset) -> None:
        """Keep a dataset, replacing what was known of the same name."""
        with self._transaction():
            self.connection.execute("DELETE FROM desk_datasets WHERE dataset = ?", [dataset.dataset])
            self.connection.execute(
                "INSERT INTO desk_datasets VALUES (?, ?, ?, ?, ?, ?, coalesce(?, now()::TIMESTAMP))",
                [
                    dataset.dataset, dataset.place, dataset.version, dataset.scrubbed,
                    canonical_json(dataset.questions), dataset.overlap, dataset.created,
                ],
            )  # fmt: skip

    def desk_items(self, dataset: str) -> pl.DataFrame:
        """The items of a dataset (ITEM_SCHEMA), by name."""
        columns = ", ".join(ITEM_SCHEMA)
        return self.query(f"SELECT {columns} FROM desk_items WHERE dataset = ? ORDER BY item", [dataset])

    def add_desk_items(self, dataset: str, items: pl.DataFrame) -> None:
        """Keep items (ITEM_SCHEMA); those of the same name are replaced. One transaction."""
        with self._transaction():
            self.connection.register("incoming_items", items.select("item"))
            self.connection.execute(
                "DELETE FROM desk_items WHERE dataset = ? AND item IN (SELECT item FROM incoming_items)",
                [dataset],
            )
            self.connection.unregister("incoming_items")
            rows = items.select(list(ITEM_SCHEMA)).cast(pl.Schema(ITEM_SCHEMA))
            pushed = pl.lit(datetime.now()).alias("pushed")
            self._insert("desk_items", rows.with_columns(pl.lit(dataset).alias("dataset"), pushed))

    def answers_of(self, dataset: str) -> pl.DataFrame:
        """The answers that hold now (ANNOTATION_SCHEMA): the last row of each response, if it was not deleted."""
        return self.query(
            f"""SELECT {", ".join(ANNOTATION_SCHEMA)} FROM annotations WHERE dataset = ?
            QUALIFY row_number() OVER (PARTITION BY response ORDER BY number DESC) = 1 AND status != '{DELETED}'
            ORDER BY item, annotator, response""",
            [dataset],
        )

    def history_of(self, dataset: str) -> pl.DataFrame:
        """Every answer that was ever pulled, oldest first: number, ANNOTATION_SCHEMA, pulled."""
        columns = ", ".join(ANNOTATION_SCHEMA)
        return self.query(
            f"SELECT number, {columns}, pulled FROM annotations WHERE dataset = ? ORDER BY number", [dataset]
        )

    def add_answers(self, dataset: str, answers: pl.DataFrame, *, partial: bool = False) -> dict[str, int]:
        """Take over all answers of a dataset as they are now (ANNOTATION_SCHEMA); one transaction.

        A response that is new or changed becomes a row; one that is known and no longer among `answers` becomes a row
        with the status `deleted`. Earlier rows stay. `partial`: all answers of some annotators; nothing is said of the
        others. Returns how many were `new`, `changed` and `deleted`.
        """
        incoming = answers.select(list(ANNOTATION_SCHEMA)).cast(pl.Schema(ANNOTATION_SCHEMA))
        same = ["response", "item", "annotator", "status", "answers", "stale"]
        before = self.answers_of(dataset)
        if partial:
            before = before.filter(pl.col("annotator").is_in(incoming["annotator"].implode()))
        changed = incoming.join(before, on=same, how="anti", nulls_equal=True)
        known = pl.col("response").is_in(before["response"].implode())
        gone = before.join(incoming, on="response", how="anti").with_columns(
            status=pl.lit(DELETED), answers=pl.lit(None, pl.String)
        )
        counts = {
            "new": changed.filter(~known).height,
            "changed": changed.filter(known).height,
            "deleted": gone.height,
        }
        rows = pl.concat([changed.sort("answered", "response"), gone.select(changed.columns)])
        with self._transaction():
            last = self._one("SELECT coalesce(max(number), 0) FROM annotations")
            self._insert(
                "annotations",
                rows.with_row_index("number", offset=last + 1).with_columns(
                    pl.lit(dataset).alias("dataset"), pl.lit(datetime.now()).alias("pulled")
                ),
            )
        return counts

    def pseudonyms(self, people: Iterable[str]) -> dict[str, str]:
        """Person -> pseudonym (`annotator-1`, ...), the same at every call; new people get the next number.

        What is stored of a person is a keyed hash (HMAC-SHA256). The key lies in a file beside the store, readable by
        its owner only: without it a pseudonym leads to nobody, and deleting it cuts the link for good.
        """
        key = self._annotator_key()
        known = dict(self.query("SELECT key, annotator FROM annotators").iter_rows())
        names: dict[str, str] = {}
        fresh: list[dict[str, str]] = []
        for person in people:
            mark = hmac.new(key, person.encode(), hashlib.sha256).hexdigest()
            if mark not in known:
                known[mark] = f"annotator-{len(known) + 1}"
                fresh.append({"annotator": known[mark], "key": mark})
            names[person] = known[mark]
        if fresh:
            with self._transaction():
                self._insert("annotators", pl.DataFrame(fresh))
        return names

    def _annotator_key(self) -> bytes:
        path = self.path.with_name(f"{self.path.name}.annotators.key")
        if not path.exists():
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w", encoding="ascii") as file:
                file.write(secrets.token_hex(32) + "\n")
        key = path.read_text(encoding="ascii").strip()
        if len(key) < 32:
            raise StoreError(
                f"{path} is no key of annotators",
                "put it back from a backup, or delete it: annotators then get new pseudonyms",
            )
        return key.encode()
