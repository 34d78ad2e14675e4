"""Versions by parts: what one version wrote is shared by those like it, so that a version costs its difference.

A version has the rows of its parts without its gaps (schema.sql). For readers there are the views `members` and
`verdicts`; only what makes a version looks at parts. Nouns are `member` and `verdict`.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal

import duckdb

Noun = Literal["member", "verdict"]

# A version of more parts, or with more gaps than this share of its rows, is written as one part: reading stays quick.
MOST_PARTS = 24
MOST_GAPS = 0.25


def parts_of(connection: duckdb.DuckDBPyConnection, noun: Noun, version: str) -> list[str]:
    """The parts of `version`."""
    rows = connection.execute(
        f"SELECT part FROM {noun}_parts WHERE version = ? ORDER BY part", [version]
    ).fetchall()
    return [row[0] for row in rows]


def add_part(connection: duckdb.DuckDBPyConnection, noun: Noun, version: str) -> None:
    """Let `version` have the rows that it wrote itself."""
    connection.execute(f"INSERT INTO {noun}_parts VALUES (?, ?)", [version, version])


def begin_like(connection: duckdb.DuckDBPyConnection, noun: Noun, version: str, base: str) -> None:
    """Let `version` have what `base` has."""
    connection.execute(
        f"INSERT INTO {noun}_parts SELECT ?, part FROM {noun}_parts WHERE version = ?", [version, base]
    )
    connection.execute(
        f"INSERT INTO {noun}_gaps SELECT ?, part, record_id FROM {noun}_gaps WHERE version = ?",
        [version, base],
    )


def leave_out(
    connection: duckdb.DuckDBPyConnection, noun: Noun, version: str, ids: str, but: str = ""
) -> None:
    """Let `version` lack the records of the relation `ids` (record_id) in the parts that it has, except in `but`."""
    connection.execute(
        f"""INSERT INTO {noun}_gaps SELECT DISTINCT $version, part, record_id FROM {noun}_rows
        ANTI JOIN (SELECT part, record_id FROM {noun}_gaps WHERE version = $version) USING (part, record_id)
        WHERE list_contains($parts, part) AND record_id IN (SELECT record_id FROM {ids})""",
        {"version": version, "parts": [part for part in parts_of(connection, noun, version) if part != but]},
    )


def gaps(connection: duckdb.DuckDBPyConnection, noun: Noun, version: str) -> int:
    """How many gaps `version` has."""
    count: int = connection.execute(
        f"SELECT count(*) FROM {noun}_gaps WHERE version = ?", [version]
    ).fetchall()[0][0]
    return count


def rows_in(connection: duckdb.DuckDBPyConnection, noun: Noun, version: str) -> int:
    """How many rows `version` has: those of its parts without its gaps, each of which is a row of one of them."""
    rows: int = connection.execute(
        f"SELECT count(*) FROM {noun}_rows WHERE part IN (SELECT part FROM {noun}_parts WHERE version = ?)",
        [version],
    ).fetchall()[0][0]
    return rows - gaps(connection, noun, version)


def make_whole(connection: duckdb.DuckDBPyConnection, noun: Noun, version: str, rows: int) -> None:
    """Write `version`, which has `rows` rows, as one part where it has come to many parts or gaps."""
    many = len(parts_of(connection, noun, version)) > MOST_PARTS
    if not many and gaps(connection, noun, version) <= MOST_GAPS * rows:
        return
    connection.execute(
        f"""CREATE OR REPLACE TEMP TABLE whole AS SELECT * FROM {noun}s
        WHERE version = ? ORDER BY record_id""",
        [version],
    )
    connection.execute(f"DELETE FROM {noun}_rows WHERE part = ?", [version])
    for kept in ("parts", "gaps"):
        connection.execute(f"DELETE FROM {noun}_{kept} WHERE version = ?", [version])
    connection.execute(f"INSERT INTO {noun}_rows FROM whole")
    connection.execute("DROP TABLE whole")
    add_part(connection, noun, version)


def new_parts(connection: duckdb.DuckDBPyConnection, version: str, before: str) -> list[str] | None:
    """The member parts that `version` has and `before` has not, where the rest of it is just `before`; else None."""
    own, theirs = (parts_of(connection, "member", name) for name in (version, before))
    if not theirs or not set(theirs) <= set(own):
        return None
    differing: int = connection.execute(
        """SELECT count(*) FROM (
            SELECT part, record_id FROM member_gaps WHERE version IN ($1, $2) AND list_contains($3, part)
            GROUP BY ALL HAVING count(*) = 1)""",
        [version, before, theirs],
    ).fetchall()[0][0]
    return None if differing else [part for part in own if part not in set(theirs)]


def rows_of(
    connection: duckdb.DuckDBPyConnection, noun: Noun, version: str, parts: Collection[str] | None = None
) -> str:
    """A relation like the views `members` and `verdicts`, of one version, and of these of its parts where given.

    Several times as quick as the view, whose joins are made for each row: parts and gaps are looked up once.
    """
    wanted = [part for part in parts_of(connection, noun, version) if parts is None or part in parts]
    found = connection.execute(f"SELECT DISTINCT part FROM {noun}_gaps WHERE version = ?", [version])
    with_gaps = {row[0] for row in found.fetchall()}
    name = _quoted(version)
    whole, lacking = (
        ", ".join(_quoted(part) for part in wanted if (part in with_gaps) is gaps) for gaps in (False, True)
    )
    rows = f"SELECT {name} AS version, * EXCLUDE (part) FROM {noun}_rows WHERE part IN ({whole or 'NULL'})"
    if lacking:
        rows += f""" UNION ALL SELECT {name}, * EXCLUDE (part) FROM {noun}_rows
            ANTI JOIN (SELECT part, record_id FROM {noun}_gaps WHERE version = {name}) USING (part, record_id)
            WHERE part IN ({lacking})"""
    return f"({rows})"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
