"""The store: the only writer. Stages judge; `Store.apply` makes a new version of what they say, or nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import duckdb
import polars as pl

from data.ahead import ahead
from data.connection import connect, give_memory
from data.erasures import without_forgotten
from data.errors import StoreError
from data.making import Making
from data.membership import after, digest_of
from data.parts import add_part, begin_like, make_whole, rows_in, rows_of
from data.reading import StoreRecords
from data.records import canonical_json, text_hash
from data.trouble import check_file
from data.verdicts import VERDICT_SCHEMA, Action, Verdicts
from data.versions import Version, stage_key, version_id


class Store(Making, AbstractContextManager["Store"]):
    """A DuckDB file with every version, verdict, fact, run and evaluation.

    One process writes at a time. Every change is one transaction: after a crash the store is as it was before.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, path: Path) -> None:
        super().__init__(connection)
        self.path = path
        self._last: tuple[str, pl.DataFrame] = "", pl.DataFrame()

    @classmethod
    def open(cls, path: str | Path, *, read_only: bool = False) -> Self:
        """Open the store at `path`; a new one is made unless `read_only`. Raises StoreError."""
        where = Path(path).expanduser()
        return cls(connect(where, read_only=read_only), where)

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file and give its lock back."""
        self.connection.close()

    # ---------------------------------------------------------------- versions

    def read(
        self,
        version: str,
        *,
        among: list[str] | None = None,
        but: str | None = None,
        sketch_kind: str = "",
        readable: bool = False,
    ) -> StoreRecords:
        """The records of `version` (an id, a tag or `latest`).

        Only those whose ids are in `among`; without the members of the version `but`; with sketches of `sketch_kind`;
        where texts were erased, with `readable` those whose texts are there, and else a StoreError.
        """
        resolved = self.resolve(version)
        parts = self._new_parts(resolved, but) if but is not None else None
        return StoreRecords(
            self.connection,
            resolved,
            among=among,
            but=but if parts is None else None,
            parts=parts,
            fresh=self._fresh,
            sketch_kind=sketch_kind,
            readable=readable,
        )

    def ingest(
        self,
        version: str,
        config: Mapping[str, Any],
        code: str,
        batches: Iterable[tuple[pl.DataFrame, pl.DataFrame]],
        files: Callable[[], list[dict[str, Any]]],
        base: str | None = None,
    ) -> str:
        """Make the ingest version `version` of (records, rejects) frames; one transaction.

        A records frame has the columns of RECORD_SCHEMA without `split`; a rejects frame file, line, reason,
        detail. `files` is asked for the counts a file after the last batch. An exception while iterating
        (too many rejects) leaves the store as it was. The records and rejects of the ingest `base` are taken over.
        A record that was erased on a person's request is a reject.
        """
        started = time.perf_counter()
        with self._transaction():
            number = self._one("SELECT count(*) + 1 FROM versions WHERE stage = 'ingest'")
            if base is not None:
                self._take_over(version, base)
            add_part(self.connection, "member", version)
            add_part(self.connection, "verdict", version)
            erased = self.forgotten()
            for read, bad in ahead(batches):
                records, rejects = without_forgotten(read, bad, erased)
                self._add_records(version, records, number)
                self._insert("rejects", rejects.select(pl.lit(version).alias("version"), pl.all()))
            listing = [{"version": version, **entry} for entry in files()]
            if listing:
                self._insert("files", pl.DataFrame(listing))
            key = stage_key("ingest", dict(config), code)
            self._add_version(version, None, "ingest", dict(config), code, key, started, {})
        return version

    def apply(
        self,
        version: str,
        *,
        stage: str,
        config: Mapping[str, Any],
        code: str,
        verdicts: Verdicts,
        reasons: Mapping[str, str],
        started: float | None = None,
        earlier: str | None = None,
        again: pl.Series | None = None,
    ) -> str:
        """Make the version that `verdicts` make of `version`; returns its id. One transaction.

        `reasons` are those that the stage declares. `started` (time.perf_counter) is when judging began. With
        `earlier`, a version that the same stage made of a part of the records (see `extended`), what was said then
        holds on, but for the records whose ids are in `again`: `verdicts` are on these and on new records only.
        Raises ValueError where the verdicts break a rule: that is a bug of the stage, and nothing is written.
        """
        parent = self.resolve(version)
        existing = self.made(parent, stage=stage, config=config, code=code)
        if existing:
            return existing
        key = stage_key(stage, dict(config), code)
        made = version_id(parent, key)
        frame = verdicts.sort("record_id", "action", "reason")
        hashes = [None if m is None else text_hash(m) for m in frame["messages"]]
        frame = frame.with_columns(text_hash=pl.Series(hashes, dtype=pl.String))
        begun = time.perf_counter() if started is None else started
        give_memory(self.connection, rows=rows_in(self.connection, "member", parent))
        with self._transaction():
            self._check(parent, frame, stage, reasons)
            self._add_texts(frame.filter(pl.col("messages").is_not_null()).select("text_hash", "messages"))
            self.connection.register("judged", frame.drop("messages"))
            counts = {
                action: frame.filter(pl.col("action") == action)["record_id"].n_unique() for action in Action
            }
            if earlier is None:
                self._change(made, parent, frame)
            else:
                settled = self._extend(made, parent, earlier, again)
                counts = {action: count + settled[action] for action, count in counts.items()}
            add_part(self.connection, "verdict", made)
            self.connection.execute(
                """INSERT INTO verdict_rows
                SELECT ?, record_id, action, reason, score, partner, detail, value, text_hash FROM judged""",
                [made],
            )
            rows = self.version(parent).rows
            make_whole(self.connection, "member", made, rows)
            make_whole(self.connection, "verdict", made, rows)
            self._add_reasons(stage, reasons)
            self._add_version(made, parent, stage, dict(config), code, key, begun, counts)
            self.connection.unregister("judged")
        return made

    def backup(self, path: Path) -> int:
        """Copy everything to a new DuckDB file at `path`, whole or not at all; returns its size in bytes."""
        check_file(path)
        if path.exists():
            raise StoreError(f"{path} exists already", "name a file that does not exist yet")
        partial = path.with_name(path.name + ".part")
        partial.unlink(missing_ok=True)
        source = self._text("SELECT current_database()")
        quoted = str(partial).replace("'", "''")
        # The copy is written although the store itself may be open for reading only.
        self.connection.execute(f"""ATTACH '{quoted}' AS "{source}.copy" (READ_WRITE)""")
        self.connection.execute(f'COPY FROM DATABASE "{source}" TO "{source}.copy"')
        self.connection.execute(f'DETACH "{source}.copy"')
        partial.replace(path)
        return path.stat().st_size

    # ---------------------------------------------------------------- parts of the above

    def _check(self, parent: str, frame: pl.DataFrame, stage: str, reasons: Mapping[str, str]) -> None:
        """Every invariant of verdicts; raises ValueError naming the first that is broken."""

        def must(condition: bool, rule: str) -> None:
            if not condition:
                raise ValueError(f"stage '{stage}': {rule}")

        must(set(VERDICT_SCHEMA) <= set(frame.columns), "verdicts lack columns")
        undeclared = set(frame["reason"].unique()) - set(reasons)
        must(not undeclared, f"reasons that it does not declare: {sorted(map(str, undeclared))}")
        must(set(frame["action"].unique()) <= set(Action), "an action that does not exist")
        changing = frame.filter(pl.col("action").is_in([Action.drop.value, Action.edit.value]))
        must(not changing["record_id"].is_duplicated().any(), "two drop or edit verdicts for one record")
        assigned = frame.filter(pl.col("action") == Action.assign.value)
        must(not assigned["record_id"].is_duplicated().any(), "two assignments for one record")
        must(assigned["value"].null_count() == 0, "an assignment without a value")
        edits = frame.filter(pl.col("action") == Action.edit.value).select("record_id", "text_hash")
        must(edits["text_hash"].null_count() == 0, "an edit without messages")
        back = frame.filter(pl.col("action") == Action.restore.value)
        must(back["text_hash"].null_count() == 0, "a restore without messages")
        judged = frame.filter(pl.col("action") != Action.restore.value).select("record_id").unique()
        strangers = judged.height - self._met(judged, parent, "record_id")
        must(self._met(back, parent, "record_id") == 0, f"restored ids are in {parent} already")
        must(strangers == 0, f"{strangers} judged ids are not in {parent}")
        same = self._met(edits, parent, "record_id, text_hash")
        must(same == 0, f"{same} edits do not change their record")

    def _met(self, rows: pl.DataFrame, version: str, columns: str) -> int:
        """How many of the rows, by these columns, are members of `version`."""
        if rows.is_empty():
            return 0
        self.connection.register("met_rows", rows.select(columns.split(", ")))
        met = self._one(
            f"SELECT count(*) FROM met_rows JOIN {rows_of(self.connection, 'member', version)} USING ({columns})"
        )
        self.connection.unregister("met_rows")
        return met

    def _take_over(self, version: str, base: str) -> None:
        begin_like(self.connection, "member", version, base)
        self.connection.execute(
            """INSERT INTO rejects SELECT ?, file, line, reason, detail FROM rejects WHERE version = ?""",
            [version, base],
        )

    def _add_records(self, version: str, records: pl.DataFrame, number: int) -> None:
        self._add_texts(records.select("text_hash", "messages"))
        self.connection.register("incoming", records.drop("messages"))
        self.connection.execute(
            """
            INSERT INTO records SELECT i.record_id, i.kind, i.label, i.source, i.licence, i.language, i."timestamp",
                i.metadata, i.file, i.line, i.text_hash, ?, ?
            FROM incoming i WHERE NOT EXISTS (SELECT 1 FROM records r WHERE r.record_id = i.record_id)
            """,
            [version, number],
        )
        self.connection.execute(
            "INSERT INTO member_rows SELECT ?, record_id, text_hash, NULL FROM incoming ORDER BY record_id",
            [version],
        )
        self.connection.unregister("incoming")

    def _add_texts(self, texts: pl.DataFrame) -> None:
        if texts.is_empty():
            return
        self._fresh.add(texts)
        self.connection.register("incoming_texts", texts.unique("text_hash"))
        self.connection.execute(
            """INSERT INTO texts SELECT text_hash, messages FROM incoming_texts i
            WHERE NOT EXISTS (SELECT 1 FROM texts t WHERE t.text_hash = i.text_hash)"""
        )
        self.connection.unregister("incoming_texts")

    def _add_reasons(self, stage: str, reasons: Mapping[str, str]) -> None:
        self.connection.execute("DELETE FROM reasons WHERE stage = ?", [stage])
        rows = [{"stage": stage, "reason": name, "meaning": text} for name, text in reasons.items()]
        if rows:
            self._insert("reasons", pl.DataFrame(rows))

    def _add_version(
        self,
        version: str,
        parent: str | None,
        stage: str,
        config: dict[str, Any],
        code: str,
        key: str,
        started: float,
        counts: Mapping[Action, int],
    ) -> None:
        rows = rows_in(self.connection, "member", version)
        dropped = counts.get(Action.drop, 0)
        if parent is not None:
            before = self.version(parent).rows
            if rows + dropped != before + counts.get(Action.restore, 0):
                raise ValueError(f"stage '{stage}': {before} rows in, {rows} kept + {dropped} dropped")
        digest = self._digest(version, parent, counts)
        self.connection.execute(
            """INSERT INTO versions VALUES
            (?, ?, ?, ?, ?, ?, now()::TIMESTAMP, nextval('used_number'), ?, ?, ?, ?, ?, ?, ?, ?)""",
            [
                version, parent, stage, canonical_json(config), code, key, rows, dropped,
                counts.get(Action.edit, 0), counts.get(Action.assign, 0), counts.get(Action.tag, 0),
                counts.get(Action.restore, 0),
                time.perf_counter() - started, digest,
            ],
        )  # fmt: skip

    def _digest(self, version: str, parent: str | None, counts: Mapping[Action, int]) -> str:
        """`membership_digest` of `version`, whose members are those of `parent` as its verdicts leave them.

        Where `parent` was made last they are held: so they are read once a run and not at every stage.
        """
        held, members = self._last
        if parent is not None and not any(counts[action] for action in Action if action is not Action.tag):
            self._last = version if held == parent else held, members
            return self.version(parent).digest
        if parent is None or held != parent or counts.get(Action.assign, 0) > members.height // 4:
            members = self._members_of(version)
        else:
            said = f"""SELECT record_id, action, value, text_hash
                FROM {rows_of(self.connection, "verdict", version)} WHERE action != 'tag'"""
            members = after(members, self.query(said))
        self._last = version, members
        return digest_of(members)

    def version(self, version: str) -> Version:
        """Everything about one version (an id, a tag or `latest`) but its records."""
        found = self._known.get(version)
        if found is None:
            found = self._versions("WHERE version = ?", [self.resolve(version)])[0]
            self._known[found.version] = found
        return found

    def versions(self) -> list[Version]:
        """All versions, oldest first."""
        return self._versions("", [])

    def lineage(self, version: str) -> list[Version]:
        """`version` and all its ancestors, the ingest first."""
        chain = [self.version(version)]
        while chain[-1].parent is not None:
            chain.append(self.version(chain[-1].parent))
        return chain[::-1]
