"""The story of one record, from its raw line to its split and runs; and what differs between versions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import polars as pl

from data.errors import StoreError
from data.report.wording import counted
from data.store import Store


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened to a record: `version` and `stage` where, `what` in a few words, `why` in a sentence."""

    version: str
    stage: str
    what: str
    why: str


@dataclass(frozen=True, slots=True)
class Story:
    """Everything known of one record.

    about      its descriptive columns
    events     oldest first; one chain of versions after the other, each beginning with its ingest
    runs       ids of the runs whose version holds it in train
    """

    record_id: str
    about: dict[str, Any]
    events: list[Event]
    runs: list[str]


def story(store: Store, name: str) -> Story:
    """The story of the record whose id is, or begins with, `name`. Raises StoreError."""
    record_id = _record(store, name)
    about = store.query(
        """SELECT record_id, kind, source, licence, language, label, "timestamp", metadata, file, line, first_version
        FROM records WHERE record_id = ?""",
        [record_id],
    ).to_dicts()[0]
    events = [
        Event(row["version"], "ingest", "read", f"{about['file']} line {about['line']}")
        for row in _ingests(store, record_id)
    ]
    events += [_event(row) for row in _verdicts(store, record_id)]
    order = {version.version: place for place, version in enumerate(store.versions())}
    events.sort(key=lambda event: order[event.version])
    events += _erased(store, record_id)
    runs = store.query(
        """SELECT r.run_id FROM runs r JOIN members m ON m.version = r.version AND m.record_id = ?
        WHERE coalesce(m.split, 'train') = 'train' ORDER BY r.used""",
        [record_id],
    )
    return Story(record_id, about, events, runs["run_id"].to_list())


def _record(store: Store, name: str) -> str:
    found = store.query(
        "SELECT record_id FROM records WHERE starts_with(record_id, ?) ORDER BY record_id LIMIT 6", [name]
    )["record_id"].to_list()
    if len(found) == 1 or name in found:
        return name if name in found else str(found[0])
    if found:
        raise StoreError(f"'{name}' begins several record ids: {', '.join(found[:5])}", "type more of it")
    raise StoreError(
        f"no record '{name}' in {store.path}",
        "ids are 16 hex digits; some are shown by: python -m data show latest",
    )


def _ingests(store: Store, record_id: str) -> list[dict[str, Any]]:
    return store.query(
        """SELECT v.version FROM versions v JOIN members m USING (version)
        WHERE v.stage = 'ingest' AND m.record_id = ?""",
        [record_id],
    ).to_dicts()


def _verdicts(store: Store, record_id: str) -> list[dict[str, Any]]:
    return store.query(
        """
        SELECT d.*, v.stage, coalesce(w.meaning, d.reason) AS meaning,
            p.file AS partner_file, p.line AS partner_line
        FROM verdicts d JOIN versions v USING (version)
        LEFT JOIN reasons w ON w.stage = v.stage AND w.reason = d.reason
        LEFT JOIN records p ON p.record_id = d.partner
        WHERE d.record_id = ?
        """,
        [record_id],
    ).to_dicts()


def _erased(store: Store, record_id: str) -> list[Event]:
    """One event for each deletion that took texts of the record, last: the versions that had them are older."""
    lost = store.query(
        """SELECT split_part(m.text_hash, '-', 1) AS how, m.version FROM members m JOIN versions v USING (version)
        WHERE m.record_id = ? AND contains(m.text_hash, '-') ORDER BY v.used""",
        [record_id],
    )
    by = store.forgotten().get(record_id)
    events = []
    for how, kind, why in (
        ("purged", "purge", "to end the originals"),
        ("erased", "forget", "a person asked for it"),
    ):
        gone = lost.filter(lost["how"] == how)["version"].to_list()
        done = [
            e
            for e in store.erasures(kind)
            if e.erasure == by or set(gone) & set(e.report.get("versions", []))
        ]
        if gone and done:
            names = ", ".join(gone[:3]) + (" ..." if len(gone) > 3 else "")
            where = f"its text in {counted(len(gone), 'version')} ({names})"
            events.append(
                Event(done[-1].erasure, kind, "text erased", f"{where}, {done[-1].created:%Y-%m-%d}: {why}")
            )
    return events


_WORDS = {"drop": "removed", "edit": "edited", "assign": "placed", "tag": "noted", "restore": "brought back"}


def _event(row: dict[str, Any]) -> Event:
    why = [row["meaning"].rstrip(".")]
    if row["detail"]:
        why.append(row["detail"])
    if row["score"] is not None:
        score: float = row["score"]
        # Some stages count: 4 findings are not 4.000.
        why.append(f"score {int(score):,}" if score.is_integer() else f"score {score:.3f}")
    if row["partner"]:
        why.append(f"because of {row['partner']} ({row['partner_file']} line {row['partner_line']})")
    what = _WORDS[row["action"]] + (f" in {row['value']}" if row["action"] == "assign" else "")
    return Event(row["version"], row["stage"], what, "; ".join(why))


def difference(store: Store, left: str, right: str) -> pl.DataFrame:
    """What differs between two versions: record_id, change (`only left`, `only right`, `edited`, `moved`), and why.

    `why` is the reason given on the way from one to the other, where one version comes of the other.
    """
    old, new = store.resolve(left), store.resolve(right)
    # Verdicts of the versions between the two explain a record's absence or change.
    ancestors = [[version.version for version in store.lineage(name)] for name in (old, new)]
    between = sorted(set(ancestors[0]) ^ set(ancestors[1]))
    return store.query(
        """
        WITH a AS (SELECT * FROM members WHERE version = $1), b AS (SELECT * FROM members WHERE version = $2),
        because AS (
            SELECT record_id, string_agg(DISTINCT reason, ', ' ORDER BY reason) AS why FROM verdicts
            WHERE list_contains($3, version) GROUP BY record_id)
        SELECT coalesce(a.record_id, b.record_id) AS record_id,
            CASE WHEN b.record_id IS NULL THEN 'only left' WHEN a.record_id IS NULL THEN 'only right'
                 WHEN a.text_hash != b.text_hash THEN 'edited' ELSE 'moved' END AS change,
            because.why
        FROM a FULL JOIN b USING (record_id)
        LEFT JOIN because ON because.record_id = coalesce(a.record_id, b.record_id)
        WHERE a.record_id IS NULL OR b.record_id IS NULL OR a.text_hash != b.text_hash
           OR a.split IS DISTINCT FROM b.split
        ORDER BY change, record_id
        """,
        [old, new, between],
    )
