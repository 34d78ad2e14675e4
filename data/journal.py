"""What is kept about versions: names, facts, runs, evaluations and their answers."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, fields
from typing import Any, TypeVar

import duckdb
import polars as pl

from data.errors import StoreError, closest
from data.evaluations import ANSWER_SCHEMA, Evaluation
from data.facts import Fact
from data.membership import digest_of, with_lines
from data.parts import rows_of
from data.records import canonical_json
from data.runs import Run
from data.verdicts import Verdicts, verdicts
from data.versions import Version

Noun = TypeVar("Noun", Run, Evaluation)


def check_tag(name: str) -> None:
    """Raise StoreError for a name that a version cannot have."""
    if name == "latest" or name.startswith("v-"):
        raise StoreError(f"'{name}' cannot be a tag", "choose a name that is not `latest` and not `v-...`")
    if not re.fullmatch(r"[\w.-]+", name):
        raise StoreError(f"'{name}' cannot be a tag", "a tag is made of letters, digits, and . _ -")


class Journal:
    """The part of the store that names and describes; `Store` adds what changes versions."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.connection = connection
        # Versions that were looked up: they do not change.
        self._known: dict[str, Version] = {}

    # ---------------------------------------------------------------- names

    def newest(self) -> str | None:
        """The version that `latest` names; None in an empty store."""
        found = self._column("SELECT version FROM versions ORDER BY used DESC LIMIT 1")
        return found[0] if found else None

    def resolve(self, name: str) -> str:
        """The version id for `latest`, a tag, an id, or the beginning of one. Raises StoreError."""
        if name in self._known:
            return name
        if name == "latest":
            found = self.newest()
            if found is None:
                raise StoreError(
                    "the store has no version yet", "make one: python -m curation source.path=FILE"
                )
            return found
        tagged = self._column("SELECT version FROM tags WHERE name = ?", [name])
        if tagged:
            return tagged[0]
        return self._by_prefix("versions", "version", name, "python -m data versions")

    def tag(self, name: str, version: str) -> None:
        """Give `version` a name; a name that exists moves."""
        check_tag(name)
        target = self.resolve(version)
        with self._transaction():
            self.connection.execute("DELETE FROM tags WHERE name = ?", [name])
            self.connection.execute("INSERT INTO tags VALUES (?, ?, now()::TIMESTAMP)", [name, target])

    # ---------------------------------------------------------------- reading versions' stories

    def verdicts(
        self, version: str, *, on: Collection[str] | None = None, partners: Collection[str] | None = None
    ) -> Verdicts:
        """What the stage that made `version` said (edits with their new messages).

        With `on` or `partners` only of these records, and where one of these is the partner.
        """
        chosen = ""
        params: dict[str, Any] = {}
        made = self.resolve(version)
        if on is not None or partners is not None:
            chosen = "WHERE record_id IN (SELECT unnest($on)) OR partner IN (SELECT unnest($partners))"
            params = {"on": list(on or [""]), "partners": list(partners or [""])}
        found = self.connection.sql(
            f"""SELECT * EXCLUDE (version) FROM {rows_of(self.connection, "verdict", made)} {chosen}
            ORDER BY record_id, action, reason""",
            params=params,
        ).pl()
        edited = found["text_hash"].drop_nulls().unique()
        if edited.is_empty():
            return verdicts(found.drop("text_hash"))
        self.connection.register("edited_texts", edited.to_frame())
        texts = self.query("SELECT text_hash, messages FROM texts SEMI JOIN edited_texts USING (text_hash)")
        self.connection.unregister("edited_texts")
        return verdicts(
            found.join(texts, on="text_hash", how="left", maintain_order="left").drop("text_hash")
        )

    def reason_counts(self, version: str) -> pl.DataFrame:
        """How many verdicts the stage that made `version` gave, by action and reason: action, reason, len."""
        rows = rows_of(self.connection, "verdict", self.resolve(version))
        return self.query(f"SELECT action, reason, count(*) AS len FROM {rows} GROUP BY ALL")

    def rejects(self, version: str) -> pl.DataFrame:
        """Raw rows that could not be read into the ingest that `version` goes back to: file, line, reason, detail."""
        return self.query(
            "SELECT file, line, reason, detail FROM rejects WHERE version = ? ORDER BY file, line",
            [self._ingest_of(version)],
        )

    def files(self, version: str) -> pl.DataFrame:
        """The raw files of `version`: file, sha256, bytes, rows, rejected."""
        return self.query(
            "SELECT file, sha256, bytes, rows, rejected FROM files WHERE version = ? ORDER BY file",
            [self._ingest_of(version)],
        )

    def query(self, sql: str, params: Sequence[Any] = ()) -> pl.DataFrame:
        """The result of one SELECT over the store's tables (data/schema.sql)."""
        try:
            relation = self.connection.sql(sql, params=list(params))
        except duckdb.Error as error:
            raise StoreError(f"the query failed: {str(error).splitlines()[0]}", f"query: {sql}") from None
        if relation is None:
            raise StoreError("only SELECT queries are answered", f"query: {sql}")
        frame: pl.DataFrame = relation.pl()
        return frame

    # ---------------------------------------------------------------- facts

    def add_facts(self, facts: Sequence[Fact]) -> None:
        """Store facts. All older facts of the same subject and name go: slices of an earlier question do not linger."""
        if not facts:
            return
        rows = [{**asdict(fact), "detail": canonical_json(fact.detail)} for fact in facts]
        names = [f.name for f in fields(Fact)]
        frame = pl.DataFrame(rows, infer_schema_length=None).select(names).cast(
            {"value": pl.Float64, "low": pl.Float64, "high": pl.Float64, "level": pl.Float64,
             "n": pl.Int64, "n_needed": pl.Int64}
        )  # fmt: skip
        frame = frame.unique(["subject", "name", "slice"], keep="last", maintain_order=True)
        with self._transaction():
            self.connection.register("incoming_facts", frame)
            self.connection.execute(
                """DELETE FROM facts f WHERE EXISTS (SELECT 1 FROM incoming_facts i
                WHERE i.subject = f.subject AND i.name = f.name)"""
            )
            self.connection.execute("INSERT INTO facts SELECT *, now()::TIMESTAMP FROM incoming_facts")
            self.connection.unregister("incoming_facts")

    def facts(self, subject: str | None = None, name: str | None = None) -> pl.DataFrame:
        """Facts (columns of Fact, `detail` as JSON, and `created`), by subject and name where given."""
        return self.query(
            """SELECT * FROM facts WHERE ($1 IS NULL OR subject = $1) AND ($2 IS NULL OR name = $2)
            ORDER BY subject, name, slice""",
            [subject, name],
        )

    # ---------------------------------------------------------------- runs and evaluations

    def save_run(self, run: Run) -> None:
        """Store a run, replacing what was known of the same run_id."""
        self._save("runs", "run_id", run)

    def run(self, name: str) -> Run:
        """The run `latest`, by id or by the beginning of one. Raises StoreError."""
        return self._load(Run, "runs", "run_id", name, "python -m train")

    def runs(self) -> list[Run]:
        """All runs, oldest first."""
        return [self.run(i) for i in self._column("SELECT run_id FROM runs ORDER BY used")]

    def save_row_losses(self, run_id: str, losses: pl.DataFrame) -> None:
        """Keep a run's losses by row (record_id, split, tokens, before, after: nats per token); older ones go."""
        with self._transaction():
            self.connection.execute("DELETE FROM row_losses WHERE run_id = ?", [run_id])
            self._insert("row_losses", losses.select(pl.lit(run_id).alias("run_id"), pl.all()))

    def row_losses(self, run: str) -> pl.DataFrame:
        """What `save_row_losses` kept of a run, by record_id; empty in a store that is older than such losses."""
        if not self._one("SELECT count(*) FROM information_schema.tables WHERE table_name = 'row_losses'"):
            return pl.DataFrame()
        return self.query(
            "SELECT * EXCLUDE (run_id) FROM row_losses WHERE run_id = ? ORDER BY record_id",
            [self.run(run).run_id],
        )

    def save_evaluation(self, evaluation: Evaluation, answers: pl.DataFrame) -> None:
        """Store an evaluation and its answers (ANSWER_SCHEMA), replacing those of the same id."""
        self._save("evaluations", "evaluation_id", evaluation)
        frame = answers.select(list(ANSWER_SCHEMA)).cast(pl.Schema(ANSWER_SCHEMA))
        with self._transaction():
            self.connection.execute("DELETE FROM answers WHERE evaluation_id = ?", [evaluation.evaluation_id])
            self._insert(
                "answers", frame.select(pl.lit(evaluation.evaluation_id).alias("evaluation_id"), pl.all())
            )

    def evaluation(self, name: str) -> Evaluation:
        """The evaluation `latest`, by id or by the beginning of one. Raises StoreError."""
        return self._load(Evaluation, "evaluations", "evaluation_id", name, "python -m eval")

    def answers(self, evaluation: str) -> pl.DataFrame:
        """The answers of an evaluation (ANSWER_SCHEMA)."""
        return self.query(
            'SELECT * EXCLUDE (evaluation_id) FROM answers WHERE evaluation_id = ? ORDER BY task, item, "role"',
            [self.evaluation(evaluation).evaluation_id],
        )

    def membership_digest(self, version: str) -> str:
        """SHA-256 over the sorted (record_id, text_hash, split) lines of `version`."""
        return digest_of(self._members_of(version))

    # ---------------------------------------------------------------- parts of the above

    def _members_of(self, version: str) -> pl.DataFrame:
        """record_id, text_hash, split and line of the members of `version`, sorted."""
        rows = rows_of(self.connection, "member", version)
        return with_lines(self.query(f"SELECT record_id, text_hash, split FROM {rows}").sort("record_id"))

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self.connection.execute("BEGIN")
        try:
            yield
        except BaseException:
            self.connection.execute("ROLLBACK")
            raise
        self.connection.execute("COMMIT")

    def _save(self, table: str, key: str, noun: Run | Evaluation) -> None:
        values = {
            name: canonical_json(value) if isinstance(value, dict) else value
            for name, value in asdict(noun).items()
        }
        columns = ", ".join(f'"{name}"' for name in values)
        marks = ", ".join("?" for _ in values)
        with self._transaction():
            self.connection.execute(f"DELETE FROM {table} WHERE {key} = ?", [values[key]])
            self.connection.execute(
                f"INSERT INTO {table} ({columns}, created, used) "
                f"VALUES ({marks}, now()::TIMESTAMP, nextval('used_number'))",
                list(values.values()),
            )

    def _load(self, kind: type[Noun], table: str, key: str, name: str, maker: str) -> Noun:
        if name == "latest":
            # An interrupted run is not what people mean while there is one that ended.
            first = "status = 'done' DESC, " if table == "runs" else ""
            ids = self._column(f"SELECT {key} FROM {table} ORDER BY {first}used DESC LIMIT 1")
            if not ids:
                raise StoreError(f"the store has no {table[:-1]} yet", f"make one: {maker}")
            identity = ids[0]
        else:
            identity = self._by_prefix(table, key, name, maker)
        row = self.query(f"SELECT * FROM {table} WHERE {key} = ?", [identity]).to_dicts()[0]
        as_dict = {f.name for f in fields(kind) if str(f.type).startswith("dict")}
        return kind(
            **{f.name: json.loads(row[f.name]) if f.name in as_dict else row[f.name] for f in fields(kind)}
        )

    def _by_prefix(self, table: str, key: str, name: str, listing: str) -> str:
        ids = self._column(f"SELECT {key} FROM {table} WHERE starts_with({key}, ?) ORDER BY used", [name])
        if name in ids:
            return name
        if len(ids) == 1:
            return ids[0]
        if ids:
            raise StoreError(f"'{name}' begins {len(ids)} ids: {', '.join(ids[:5])}", "type more of it")
        everything = self._column(f"SELECT {key} FROM {table} ORDER BY used DESC LIMIT 30")
        tags = self._column("SELECT name FROM tags") if table == "versions" else []
        names = [*everything, *tags, "latest"] if everything else []
        hints = [closest(name, names)] if names else ["there is none yet"]
        if table == "versions" or not names:  # what makes runs and evaluations does not list them
            hints.append(f"{'list' if table == 'versions' else 'make one'}: {listing}")
        raise StoreError(f"no {table[:-1]} '{name}' in the store", *hints)

    def _versions(self, where: str, params: list[Any]) -> list[Version]:
        rows = self.query(
            f"SELECT * EXCLUDE (stage_key, used) FROM versions {where} ORDER BY created, used", params
        )
        return [Version(**{**row, "config": json.loads(row["config"])}) for row in rows.to_dicts()]

    def _ingest_of(self, version: str) -> str:
        found = self._column(
            """WITH RECURSIVE up(version, parent) AS (
                SELECT version, parent FROM versions WHERE version = ?
                UNION ALL SELECT v.version, v.parent FROM versions v JOIN up ON v.version = up.parent)
            SELECT version FROM up WHERE parent IS NULL""",
            [self.resolve(version)],
        )
        return found[0]

    def _insert(self, table: str, frame: pl.DataFrame) -> None:
        if frame.is_empty():
            return
        self.connection.register("incoming_rows", frame)
        self.connection.execute(f"INSERT INTO {table} BY NAME SELECT * FROM incoming_rows")
        self.connection.unregister("incoming_rows")

    def _one(self, sql: str, params: Sequence[Any] = ()) -> int:
        value: int = self.connection.execute(sql, list(params)).fetchall()[0][0]
        return value

    def _column(self, sql: str, params: Sequence[Any] = ()) -> list[str]:
        return [row[0] for row in self.connection.execute(sql, list(params)).fetchall()]

    def _text(self, sql: str) -> str:
        return self._column(sql)[0]
