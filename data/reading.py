"""Reading a version: the Records that stages see, straight from DuckDB."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property
from typing import Any

import duckdb
import polars as pl

from data.ahead import in_threads
from data.errors import StoreError
from data.fresh import VIEW, Fresh, registered
from data.parts import rows_of
from data.records import ANSWER_ROLES, RECORD_SCHEMA, SKETCH, Pick, canonical_json

_ROLE_LIST = ", ".join(f"'{role}'" for role in ANSWER_ROLES)
_DERIVED = {
    "prompt": f"array_to_string([x.content for x in t.messages if x.role NOT IN ({_ROLE_LIST})], chr(10))",
    "answer": f"array_to_string([x.content for x in t.messages if x.role IN ({_ROLE_LIST})], chr(10))",
    "text": "array_to_string([x.content for x in t.messages], chr(10))",
    "messages": "t.messages",
}
# Where an edit put made-up values into this very text of the record (see data/verdicts.py).
_REPLACED = """ LEFT JOIN (SELECT record_id AS of_record, text_hash AS of_text, max(value) AS places FROM verdict_rows
    WHERE action = 'edit' AND value IS NOT NULL GROUP BY ALL) edited
    ON of_record = m.record_id AND of_text = m.text_hash"""
_MEMBER = {
    SKETCH: "k.data",
    "replaced": "edited.places",
    "record_id": "m.record_id",
    "text_hash": "m.text_hash",
    "split": "m.split",
}
_RECORD = {name: f'r."{name}"' for name in RECORD_SCHEMA}
# Sketches are looked through so many at a time.
PICKED_ROWS = 50_000


class StoreRecords:
    """Records of one version, read on demand. See `data.records.Records`.

    `unjudged_by` leaves out records whose very text was judged before by the stage with that key; `among` leaves
    out all but these record ids; `but` leaves out the members of that version, `parts` what is not in these parts
    (data/parts.py), whose texts are read from `fresh` if it has them all. `sketch_kind` says whose sketches are
    read; `again` are records that are read although they were judged.

    A version of which texts were erased is refused where texts are asked for, so that no stage, training or export
    takes the rest for the whole; with `readable` the records whose texts are there are read.
    """

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        version: str,
        *,
        unjudged_by: str | None = None,
        among: list[str] | None = None,
        but: str | None = None,
        sketch_kind: str = "",
        again: list[str] | None = None,
        readable: bool = False,
        parts: list[str] | None = None,
        fresh: Fresh | None = None,
    ) -> None:
        self.version = version
        self._connection = connection
        self._unjudged_by = unjudged_by
        self._among = among
        self._but = but
        self._sketch_kind = sketch_kind
        self._again = again
        self._readable = readable
        self._parts = parts
        self._fresh = fresh
        self._views: dict[str, pl.DataFrame] | None = None if parts is not None and fresh else {}

    def __len__(self) -> int:
        where, params = self._where()
        sql = f"SELECT count(*) FROM {self._members} m WHERE {where}"
        if where == "true" and self._parts is None:
            # All of a version: counted when it was made.
            sql, params = "SELECT rows FROM versions WHERE version = ?", [self.version]
        rows = self._connection.sql(sql, params=params).fetchall()
        return int(rows[0][0]) if rows else 0

    def frame(self, *columns: str) -> pl.LazyFrame:
        """See `Records.frame`."""
        wanted = columns or tuple(RECORD_SCHEMA)
        # Polars sorts several times as fast as DuckDB.
        frame = self._query(self._selected(tuple(dict.fromkeys((*wanted, "record_id"))))).sort("record_id")
        return frame.select(wanted).lazy()

    def counts(self, *columns: str) -> pl.DataFrame:
        """How many records have each combination of values of these columns: the columns, and `counted`."""
        return self._query(
            [*self._selected(columns), "count(*) AS counted"], order="GROUP BY ALL ORDER BY ALL"
        )

    def batches(self, *columns: str, rows: int = 10_000) -> Iterator[pl.DataFrame]:
        """See `Records.batches`."""
        # Ordered, so that a stage that reads twice, with other columns, meets the records in the same order.
        sql, params = self._sql(self._selected(columns))
        sql += " ORDER BY m.record_id"
        yield from streamed(self._connection, sql, params, rows, self._views)

    def earlier(self, stage: str, config: dict[str, Any], reason: str = "") -> pl.DataFrame:
        """See `Records.earlier`."""
        frame: pl.DataFrame = self._connection.sql(
            """
            SELECT d.record_id, last(d.value ORDER BY v.used) AS value
            FROM verdicts d JOIN versions v USING (version)
            WHERE v.stage = $stage AND v.config = $config
              AND CASE WHEN $reason = '' THEN d.action = 'assign' ELSE d.reason = $reason END
              AND ($among IS NULL OR d.record_id IN (SELECT unnest($among)))
            GROUP BY d.record_id
            """,
            params={"stage": stage, "config": canonical_json(config), "reason": reason, "among": self._among},
        ).pl()
        return frame

    @property
    def sketched(self) -> bool:
        """See `Records.sketched`: whoever names a kind has made what was lacking."""
        return bool(self._sketch_kind)

    def sketches(self, pick: Pick | None = None) -> pl.DataFrame:
        """See `Records.sketches`."""
        if pick is not None:
            return self._picked(pick)
        return self.frame("record_id", SKETCH).collect().rename({SKETCH: "data"})

    def _picked(self, pick: Pick) -> pl.DataFrame:
        def wanted(frame: pl.DataFrame) -> pl.DataFrame:
            return frame.filter(pl.Series(pick(frame["data"]), dtype=pl.Boolean))

        sql = "SELECT text_hash, data FROM sketches WHERE kind = ?"
        stored = streamed(self._connection, sql, [self._sketch_kind], PICKED_ROWS)
        none = pl.DataFrame(schema={"text_hash": pl.String, "data": pl.Binary})
        found = pl.concat([none, *in_threads(wanted, stored)])
        where, params = self._where()
        self._connection.register("picked", found.select("text_hash"))
        sql = f"""SELECT m.record_id, m.text_hash FROM {self._members} m
            WHERE {where} AND m.text_hash IN (SELECT text_hash FROM picked)"""
        members: pl.DataFrame = self._connection.sql(sql, params=params).pl()
        self._connection.unregister("picked")
        return members.join(found, on="text_hash").select("record_id", "data").sort("record_id")

    def among(self, ids: pl.Series) -> StoreRecords:
        """See `Records.among`."""
        return StoreRecords(
            self._connection,
            self.version,
            unjudged_by=self._unjudged_by,
            among=ids.to_list(),
            but=self._but,
            sketch_kind=self._sketch_kind,
            again=self._again,
            readable=self._readable,
            parts=self._parts,
            fresh=self._fresh,
        )

    def erased(self) -> int:
        """How many of the records have lost their text to a purge, or to a person's request."""
        if not self._any_erasure():
            return 0
        where, params = self._where()
        count: int = self._connection.sql(
            f"SELECT count(*) AS n FROM {self._members} m WHERE {where} AND contains(m.text_hash, '-')",
            params=params,
        ).fetchall()[0][0]
        return count

    def _any_erasure(self) -> bool:
        # A store of an older tuneproof, open for reading only, may lack the table.
        named = "SELECT 1 FROM duckdb_tables() WHERE table_name = 'erasures'"
        return bool(
            self._connection.sql(named).fetchall()
            and self._connection.sql("SELECT 1 FROM erasures LIMIT 1").fetchall()
        )

    def _refuse_erased(self) -> None:
        gone = 0 if self._readable else self.erased()
        if gone:
            raise StoreError(
                f"{self.version}: the texts of {gone:,} of its records were erased; their lineage is still known",
                "work on a version that has its texts: python -m data versions",
                "or read the source again, which brings purged texts back: python -m curation source.path=FILE",
            )

    def _selected(self, columns: tuple[str, ...]) -> list[str]:
        quoted = {name: name.replace('"', '""') for name in columns or RECORD_SCHEMA}
        return [f'{_expression(name)} AS "{alias}"' for name, alias in quoted.items()]

    def _sql(self, selected: list[str]) -> tuple[str, list[Any]]:
        text = ", ".join(selected)
        sketched = "k.data" in text
        joins = " JOIN sketches k ON k.text_hash = m.text_hash AND k.kind = ?" if sketched else ""
        joins += " JOIN records r USING (record_id)" if "r." in text else ""
        if "t.messages" in text:
            joins += f" JOIN {VIEW if self._from_fresh() else 'texts'} t USING (text_hash)"
        joins += _REPLACED if "edited.places" in text else ""
        if "t.messages" in text or sketched:
            self._refuse_erased()
        where, params = self._where()
        given = [self._sketch_kind] if sketched else []
        return f"SELECT {text} FROM {self._members} m{joins} WHERE {where}", given + params

    def _from_fresh(self) -> bool:
        """Whether all texts of these parts are held in memory, and can be read there."""
        if self._views is None:
            assert self._fresh is not None
            hashes = self._connection.sql(f"SELECT DISTINCT text_hash FROM {self._members}").pl()
            self._views = self._fresh.view_of(hashes["text_hash"])
        return bool(self._views)

    @cached_property
    def _members(self) -> str:
        # A version never changes: what it consists of is asked once.
        return rows_of(self._connection, "member", self.version, self._parts)

    def _where(self) -> tuple[str, list[Any]]:
        where = "true"
        params: list[Any] = []
        if self._unjudged_by is not None:
            unjudged = """NOT EXISTS (SELECT 1 FROM members p JOIN versions v ON v.parent = p.version
                WHERE v.stage_key = ? AND p.record_id = m.record_id AND p.text_hash = m.text_hash)"""
            params.append(self._unjudged_by)
            if self._again:
                unjudged = f"({unjudged} OR m.record_id IN (SELECT unnest(?)))"
                params.append(self._again)
            where += f" AND {unjudged}"
        if self._among is not None:
            where += " AND m.record_id IN (SELECT unnest(?))"
            params.append(self._among)
        if self._but is not None:
            but = rows_of(self._connection, "member", self._but)
            where += f" AND NOT EXISTS (SELECT 1 FROM {but} b WHERE b.record_id = m.record_id)"
        return where, params

    def _query(self, selected: list[str], order: str = "") -> pl.DataFrame:
        sql, params = self._sql(selected)
        with registered(self._connection, self._views or {}):
            frame: pl.DataFrame = self._connection.sql(f"{sql} {order}", params=params).pl()
        return frame


def streamed(
    connection: duckdb.DuckDBPyConnection,
    sql: str,
    params: list[Any] | dict[str, Any],
    rows: int,
    views: dict[str, pl.DataFrame] | None = None,
) -> Iterator[pl.DataFrame]:
    """The answer of a query, which may read `views`, in frames of at most `rows` rows, none of them empty."""
    # A reader blocks its connection until it is read to its end: it gets a cursor of its own.
    cursor = connection.cursor()
    try:
        for name, frame in (views or {}).items():
            cursor.register(name, frame)
        for batch in cursor.sql(sql, params=params).to_arrow_reader(rows):
            if batch.num_rows:
                found = pl.from_arrow(batch)
                assert isinstance(found, pl.DataFrame)
                yield found
    finally:
        cursor.close()


def derived(name: str) -> str:
    """The SQL of a derived column (prompt, answer, text) over a row `t` of texts."""
    return _DERIVED[name]


def _expression(name: str) -> str:
    known = _MEMBER.get(name) or _DERIVED.get(name) or _RECORD.get(name)
    if known:
        return known
    # A JSON pointer (RFC 6901): unlike a path it can name any key.
    pointer = name.replace("~", "~0").replace("/", "~1").replace("'", "''")
    found = f"r.metadata ->> '/{pointer}'"
    # JSON is parsed only where the key may be: no character of such a name is written otherwise in JSON.
    return (
        f"CASE WHEN contains(r.metadata, '\"{name}\"') THEN {found} END"
        if re.fullmatch(r"\w+", name)
        else found
    )
