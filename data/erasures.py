"""What the store knows of deleted texts: purges, requests of persons, and where copies of texts were written to."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

from data.journal import Journal
from data.records import canonical_json

# The reason of the reject that an erased record becomes where its source is read again.
FORGOTTEN = "forgotten"


@dataclass(kw_only=True, slots=True)
class Erasure:
    """One deletion of texts.

    erasure   `e-` and 12 hex digits
    kind      `purge` (texts of versions) or `forget` (a person's records)
    status    `begun`: the store is rewritten, files outside it may not be; or `done`
    request   forget: the salted hash of what was asked for, with its `salt`
    report    what was found, deleted and scanned; counts, ids and places, never a value
    """

    erasure: str
    kind: str
    status: str = "begun"
    created: datetime = field(default_factory=lambda: datetime.now(UTC).replace(tzinfo=None))
    request: str = ""
    salt: str = ""
    report: dict[str, Any] = field(default_factory=dict)


class Erasures(Journal):
    """The part of the store that remembers deletions, and where copies of its texts are."""

    def has(self, table: str) -> bool:
        """Whether the store has this table: one of an older tuneproof, open for reading only, may lack it."""
        return bool(self._one("SELECT count(*) FROM information_schema.tables WHERE table_name = ?", [table]))

    def erasures(self, kind: str | None = None) -> list[Erasure]:
        """All deletions, or those of a kind, oldest first."""
        if not self.has("erasures"):
            return []
        rows = self.query(
            "SELECT * FROM erasures WHERE ($1 IS NULL OR kind = $1) ORDER BY created, erasure", [kind]
        )
        return [Erasure(**{**row, "report": json.loads(row["report"])}) for row in rows.to_dicts()]

    def save_erasure(self, erasure: Erasure) -> None:
        """Store a deletion, replacing what was known of the same id."""
        with self._transaction():
            self.connection.execute("DELETE FROM erasures WHERE erasure = ?", [erasure.erasure])
            self.connection.execute(
                "INSERT INTO erasures VALUES (?, ?, ?, ?, ?, ?, ?)",
                [
                    erasure.erasure,
                    erasure.kind,
                    erasure.status,
                    erasure.created,
                    erasure.request,
                    erasure.salt,
                    canonical_json(erasure.report),
                ],
            )

    def forgotten(self) -> dict[str, str]:
        """Record id -> the erasure, for every record that was erased on a person's request."""
        if not self.has("forgotten"):
            return {}
        return dict(self.query("SELECT record_id, erasure FROM forgotten").iter_rows())

    def note_place(self, kind: str, path: Path, version: str = "") -> None:
        """Remember that a file with texts of `version` was written: an `export` or a `backup`."""
        with self._transaction():
            where = str(path.expanduser().absolute())
            self.connection.execute("DELETE FROM places WHERE path = ?", [where])
            self.connection.execute(
                "INSERT INTO places VALUES (?, ?, ?, now()::TIMESTAMP)", [kind, where, version]
            )

    def noted_places(self) -> list[tuple[str, Path, str]]:
        """(kind, path, version) of every file that was noted, oldest first."""
        if not self.has("places"):
            return []
        rows = self.query("SELECT kind, path, version FROM places ORDER BY created, path").iter_rows()
        return [(kind, Path(path), version) for kind, path, version in rows]

    def setting(self, key: str) -> str | None:
        """A setting of this store; None where it was never given."""
        found = self._column("SELECT value FROM meta WHERE key = ?", [key])
        return found[0] if found else None

    def set_setting(self, key: str, value: str) -> None:
        """Keep a setting of this store."""
        with self._transaction():
            self.connection.execute("DELETE FROM meta WHERE key = ?", [key])
            self.connection.execute("INSERT INTO meta VALUES (?, ?)", [key, value])


def without_forgotten(
    records: pl.DataFrame, rejects: pl.DataFrame, erased: Mapping[str, str]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """(records, rejects) of an ingest, in which records that were erased on request are rejects."""
    if not erased:
        return records, rejects
    gone = pl.col("record_id").is_in(list(erased))
    found = records.filter(gone)
    if found.is_empty():
        return records, rejects
    because = found["record_id"].replace_strict(erased)
    refused = found.select("file", "line").with_columns(
        reason=pl.lit(FORGOTTEN), detail="erased on request: " + because
    )
    return records.filter(~gone), pl.concat([rejects, refused.select(rejects.columns).cast(rejects.schema)])
