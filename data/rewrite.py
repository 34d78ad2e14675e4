"""The store written anew without some of its texts.

DuckDB keeps the bytes of a deleted row: measured with DuckDB 2.0, DELETE, CHECKPOINT, VACUUM and FORCE CHECKPOINT left
every deleted text readable in the file, and so did making the table again and dropping the old one. Only a file into
which the texts were never written is without them. So what stays is written into a new file beside the store, by a
process that never held the texts (`data.anew`), and the new file takes the store's place in one step: whenever the
process ends, there is the old store or the new one.

What pointed to a deleted text points to a commitment instead, `<prefix>-` and 32 hex digits of SHA-256 over a salt and
the text's hash. The salt is drawn for each deletion and thrown away, so that nobody can try out texts against it (a
plain hash of a short text gives it away); within one deletion equal texts have equal commitments, so that `diff` and
the counts still hold.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from shutil import rmtree
from typing import Any

from data.anew import synced, write_anew
from data.bytescan import Needles
from data.errors import StoreError
from data.places import Kind, Place, beside
from data.remnants import search
from data.store import Store

GONE = "text erased"
# Tables whose text_hash points to the text of a record, which stays; and the column that does.
_POINTING = {"member_rows": "text_hash", "verdict_rows": "text_hash", "records": "raw_text_hash"}
# Tables in which no note of a person can stand: ids, hashes and texts, which are dealt with by their hashes.
_WITHOUT_NOTES = (
    "texts", "sketches", "forgotten", "places", "erasures", "answers", "meta",
    "member_rows", "member_parts", "member_gaps", "verdict_parts", "verdict_gaps",
)  # fmt: skip
# Columns that say where something is: to change them would lose it.
_NAMES = ("version", "parent", "path", "file", "partner", "run", "subject", "stage_key", "code", "digest")


@dataclass(slots=True)
class Doomed:
    """What goes, as rows of the temporary table `gone` (text_hash) made by `doom`.

    prefix    `purged` or `erased`
    versions  purge: the evaluations of these lose the texts of their items
    records   forget: these records lose their texts, metadata, label and time, whatever else holds the same text
    pattern   forget: a regular expression (RE2); what it matches in notes and answers is replaced
    """

    prefix: str
    versions: Sequence[str] = ()
    records: Sequence[str] = ()
    pattern: str = ""
    texts: int = field(default=0)


def doom_versions(store: Store, versions: Sequence[str]) -> Doomed:
    """The texts that no version but these reaches."""
    store.connection.execute(
        """CREATE OR REPLACE TEMP TABLE gone AS SELECT text_hash FROM texts WHERE text_hash NOT IN
        (SELECT text_hash FROM members WHERE NOT list_contains($1, version))""",
        [list(versions)],
    )
    return Doomed("purged", versions=versions, texts=_count(store))


def doom_records(store: Store, records: Sequence[str], pattern: str) -> Doomed:
    """The texts that these records had in any version, and that no other record has."""
    store.connection.execute(
        """CREATE OR REPLACE TEMP TABLE gone AS WITH
        pointing AS (
            SELECT record_id, text_hash FROM members UNION ALL SELECT record_id, text_hash FROM verdicts
            UNION ALL SELECT record_id, raw_text_hash FROM records),
        theirs AS (SELECT text_hash FROM pointing WHERE list_contains($1, record_id)),
        others AS (SELECT text_hash FROM pointing WHERE NOT list_contains($1, record_id))
        SELECT text_hash FROM texts SEMI JOIN theirs USING (text_hash) ANTI JOIN others USING (text_hash)""",
        [list(records)],
    )
    return Doomed("erased", records=records, pattern=pattern, texts=_count(store))


def _count(store: Store) -> int:
    return int(store.query("SELECT count(*) AS n FROM gone")["n"].item())


def part_of(path: Path) -> Path:
    """Where the new file of the store at `path` is made."""
    return path.with_name(path.name + ".part")


def rewrite(store: Store, doomed: Doomed) -> Path:
    """Write what stays into a new file beside the store, which is not changed; returns its path."""
    part = part_of(store.path)
    for file in (part, *(f for f in beside(store.path) if f.name.startswith(part.name))):
        _remove(file)
    salt = secrets.token_hex(32)
    store.connection.execute(
        "CREATE OR REPLACE TEMP TABLE leaving AS SELECT unnest($1::VARCHAR[]) AS record_id",
        [list(doomed.records)],
    )
    write_anew(store.connection, part, lambda table: _selected(store, table, doomed, salt))
    return part


def traces(part: Path, needles: Needles) -> int:
    """How many of the deleted texts left something in the new file, which is not changed."""
    with Store.open(part, read_only=True) as fresh:
        return search([Place(Kind.store, part)], needles, {part: fresh.connection})[0].found


def put_in_place(store: Store, part: Path) -> None:
    """Close the store and let the new file take its place. What of the old one lay beside it goes too."""
    path = store.path
    store.connection.execute("CHECKPOINT")
    store.close()
    if path.with_name(f"{path.name}.wal").exists():
        raise StoreError(
            f"{path} is still in use: its log was not closed", "end what uses it, and run the command again"
        )
    part.replace(path)
    synced(path.parent)
    for file in beside(path):
        _remove(file)


def _remove(file: Path) -> None:
    if file.is_dir():
        rmtree(file)
    else:
        file.unlink(missing_ok=True)


def _selected(store: Store, table: str, doomed: Doomed, salt: str) -> tuple[str, list[Any]]:
    """The SELECT that gives the rows of `table` as they are to stay, and its parameters."""
    columns = dict(
        store.query(
            """SELECT column_name, data_type FROM duckdb_columns()
            WHERE database_name = current_database() AND table_name = ?""",
            [table],
        ).iter_rows()
    )
    changed: dict[str, str] = {}
    params: list[Any] = []
    where = ""
    if doomed.pattern and table not in _WITHOUT_NOTES:
        for name, kind in columns.items():
            if kind == "VARCHAR" and name not in _NAMES and not name.endswith(("_id", "_hash")):
                changed[name] = f"regexp_replace(\"{name}\", ?, '\\1erased\\2', 'g')"
                params.append(doomed.pattern)
    leaving = "record_id IN (SELECT record_id FROM leaving)"
    if table in _POINTING:
        name = _POINTING[table]
        changed[name] = f"""CASE WHEN contains({name}, '-') THEN {name}
            WHEN {name} IN (SELECT text_hash FROM gone) OR {leaving}
            THEN '{doomed.prefix}-' || left(sha256('{salt}' || {name}), 32) ELSE {name} END"""
    elif "text_hash" in columns:
        where = "WHERE text_hash NOT IN (SELECT text_hash FROM gone)"
        where += f" AND NOT ({leaving})" if "record_id" in columns else ""
    if table == "records" and doomed.records:
        for name, empty in (("label", "NULL"), ("timestamp", "NULL"), ("metadata", "'{}'")):
            changed[name] = f"""CASE WHEN {leaving} THEN {empty} ELSE {changed.get(name, f'"{name}"')} END"""
    if table == "verdict_rows" and doomed.records:
        for name, stays in (("detail", "false"), ("value", "action = 'assign'")):
            changed[name] = (
                f"CASE WHEN {leaving} AND NOT {stays} THEN NULL ELSE {changed.get(name, name)} END"
            )
    if table == "answers":
        gone, params = _answers_gone(doomed)
        for name in ("prompt", "prediction"):
            changed[name] = f"CASE WHEN {gone} THEN '{GONE}' ELSE {name} END"
        changed["references"] = f"""CASE WHEN {gone} THEN ['{GONE}'] ELSE "references" END"""
        params = params * 3
    replaced = ", ".join(f'{sql} AS "{name}"' for name, sql in changed.items())
    # The clauses stand in the order in which their parameters were collected.
    return (
        f"SELECT * {f'REPLACE ({replaced})' if replaced else ''} FROM {table} {where}",
        params,
    )


def _answers_gone(doomed: Doomed) -> tuple[str, list[Any]]:
    """The condition on a row of answers that loses its texts, and its parameters."""
    if not doomed.pattern:
        return (
            """evaluation_id IN (SELECT e.evaluation_id FROM evaluations e
            WHERE e.version IN (SELECT unnest(?::VARCHAR[])))""",
            [list(doomed.versions)],
        )
    everything = """concat_ws(chr(10), prompt, prediction, array_to_string("references", chr(10)))"""
    return (
        f"(item IN (SELECT record_id FROM leaving) OR regexp_matches({everything}, ?))",
        [doomed.pattern],
    )
