"""What was done before, and need not be done again: versions, verdicts on texts, sketches, readings of files."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

import duckdb
import polars as pl

from data.annotations import Annotations
from data.fresh import VIEW, Fresh
from data.parts import new_parts, rows_of
from data.reading import StoreRecords, derived, streamed
from data.verdicts import Action, Verdicts, verdicts
from data.versions import stage_key, version_id

# Before a kind of sketches: the setting that names the version of which all texts were sketched last.
SKETCHED = "sketched:"


class Memory(Annotations):
    """The part of the store that remembers; it changes no version."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        super().__init__(connection)
        self._fresh = Fresh()
        self._beside: dict[tuple[str, str], list[str] | None] = {}

    def made(self, version: str, *, stage: str, config: Mapping[str, Any], code: str) -> str | None:
        """The id of the version that this stage already made of `version`, marked as used; else None."""
        candidate = version_id(version, stage_key(stage, dict(config), code))
        return candidate if self.reuse(candidate) else None

    def reuse(self, version: str) -> bool:
        """Whether `version` exists; it becomes `latest` if so."""
        if not self._one("SELECT count(*) FROM versions WHERE version = ?", [version]):
            return False
        self.connection.execute(
            "UPDATE versions SET used = nextval('used_number') WHERE version = ?", [version]
        )
        return True

    def known(
        self, version: str, *, stage: str, config: Mapping[str, Any], code: str
    ) -> tuple[Verdicts, StoreRecords]:
        """What a row-wise stage said before of texts in `version`, and the records that it has not judged.

        Both together cover the version: re-judging costs only what is new.
        """
        key = stage_key(stage, dict(config), code)
        before = self.connection.sql(
            """
            SELECT DISTINCT d.record_id, d.action, d.reason, d.score, d.partner, d.detail, d.value, t.messages
            FROM verdicts d
            JOIN versions v ON v.version = d.version AND v.stage_key = $key
            JOIN members p ON p.version = v.parent AND p.record_id = d.record_id
            JOIN members m ON m.version = $version AND m.record_id = p.record_id AND m.text_hash = p.text_hash
            LEFT JOIN texts t ON t.text_hash = d.text_hash
            """,
            params={"key": key, "version": version},
        ).pl()
        # An edit whose new text was purged is made again.
        lost = before.filter((pl.col("action") == Action.edit.value) & pl.col("messages").is_null())[
            "record_id"
        ]
        known = before.filter(~pl.col("record_id").is_in(lost.implode()))
        again = lost.to_list()
        return verdicts(known), StoreRecords(self.connection, version, unjudged_by=key, again=again)

    def extended(self, version: str, *, stage: str, config: Mapping[str, Any], code: str) -> str | None:
        """The newest version that this very stage made of a part of `version`'s records, texts and all; else None."""
        key = stage_key(stage, dict(config), code)
        for made, parent in self.query(
            "SELECT version, parent FROM versions WHERE stage_key = ? ORDER BY used DESC LIMIT 5", [key]
        ).iter_rows():
            if self.erased(made) or self.erased(parent):
                continue
            if self._new_parts(version, parent) is not None:
                return str(made)
            strangers = self._one(
                f"""SELECT count(*) FROM {rows_of(self.connection, "member", parent)} a WHERE NOT EXISTS
                (SELECT 1 FROM {rows_of(self.connection, "member", version)} b WHERE b.record_id = a.record_id
                AND b.text_hash = a.text_hash AND b.split IS NOT DISTINCT FROM a.split)"""
            )
            if strangers == 0:
                return str(made)
        return None

    def _new_parts(self, version: str, before: str) -> list[str] | None:
        """See `new_parts`; asked once, since what versions are made of does not change."""
        asked = version, before
        if asked not in self._beside:
            self._beside[asked] = new_parts(self.connection, version, before)
        return self._beside[asked]

    def holds(self, version: str, part: str) -> bool:
        """Whether `version` was made so that all members of `part` are in it, with their texts and splits."""
        return self._new_parts(version, part) is not None

    def ingests(self, config: Mapping[str, Any], code: str) -> list[tuple[str, list[dict[str, Any]]]]:
        """Ingest versions made with this very configuration and code, newest first, and their files (see `files`)."""
        found = self.query(
            """SELECT version, config FROM versions WHERE stage = 'ingest' AND code = ? ORDER BY used DESC LIMIT 5""",
            [code],
        )
        wanted = {key: value for key, value in config.items() if key != "bytes"}
        # One that was purged is no beginning: what it read would be without texts.
        found = found.filter([not self.erased(version) for version in found["version"]])
        return [
            (version, self.files(version).to_dicts())
            for version, settings in found.iter_rows()
            if {k: v for k, v in json.loads(settings).items() if k != "bytes"} == wanted
        ]

    def erased(self, version: str) -> int:
        """How many records of `version` have lost their text to a purge, or to a person's request."""
        return StoreRecords(self.connection, self.resolve(version)).erased()

    def present(self, version: str, ids: Collection[str]) -> set[str]:
        """Those of `ids` that are record ids of `version`; may be asked from another thread."""
        cursor = self.connection.cursor()
        try:
            rows = cursor.execute(
                f"SELECT record_id FROM {rows_of(cursor, 'member', version)} WHERE record_id IN (SELECT unnest(?))",
                [list(ids)],
            ).fetchall()
        finally:
            cursor.close()
        return {row[0] for row in rows}

    def unsketched(
        self, version: str, kind: str, columns: Sequence[str], rows: int, but: str | None = None
    ) -> Iterator[pl.DataFrame]:
        """Frames of text_hash and derived `columns`, one row for each text of `version` without a `kind` sketch.

        Not looked at are the records of `but`, where it is the version that was last sketched (see `add_sketches`).
        """
        if but is not None and self.setting(f"{SKETCHED}{kind}") != but:
            but = None
        parts = self._new_parts(version, but) if but is not None else None
        members = rows_of(self.connection, "member", version, parts)
        selected = ", ".join(f"{derived(name)} AS {name}" for name in columns)
        views = {}
        if parts is not None:
            hashes = self.query(f"SELECT text_hash FROM {members}")["text_hash"]
            views = self._fresh.view_of(hashes)
        sql = f"""SELECT t.text_hash, {selected} FROM {VIEW if views else "texts"} t WHERE t.text_hash IN
            (SELECT text_hash FROM {members})
            AND NOT EXISTS (SELECT 1 FROM sketches k WHERE k.kind = $kind AND k.text_hash = t.text_hash)"""
        yield from streamed(self.connection, sql, {"kind": kind}, rows, views)

    def add_sketches(self, version: str, kind: str, frames: Iterable[pl.DataFrame]) -> None:
        """Keep sketches (text_hash, data) of `kind` (`stage:code:settings`); those of the stage's older code go.

        With these, every text of `version` has one: that is remembered, so that it need not be looked up again.
        """
        stage, code, _ = kind.split(":")
        with self._transaction():
            self.connection.execute(
                "DELETE FROM sketches WHERE starts_with(kind, ?) AND NOT starts_with(kind, ?)",
                [f"{stage}:", f"{stage}:{code}:"],
            )
            for frame in frames:
                self._insert("sketches", frame.select(pl.lit(kind).alias("kind"), "text_hash", "data"))
            self.connection.execute("DELETE FROM meta WHERE starts_with(key, ?)", [f"{SKETCHED}{stage}:"])
            self.connection.execute("INSERT INTO meta VALUES (?, ?)", [f"{SKETCHED}{kind}", version])
