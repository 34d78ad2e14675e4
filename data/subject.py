"""`subject`: where a person's data is, in the store and in every file made from it.

The answer has counts, ids and places, and never a value: what was asked for is known to who asks, and what stands
beside it is nobody else's business.
"""

from __future__ import annotations

import html
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from data.bytescan import Needles, decoded_chunks, file_chunks
from data.person import pattern, record_ids
from data.places import Kind, Place, lost, lost_vaults, places
from data.progress import progress
from data.store import Store
from data.vault import Vault

# Longer than any pattern matches: a match across two chunks is found in one of them.
_OVERLAP = 400
_TEXT = "array_to_string([x.content for x in t.messages], chr(10))"
# Looked at record by record, or free of words.
_NO_NOTES = ("texts", "answers", "sketches", "erasures", "member_rows", "members")


@dataclass(slots=True)
class Trace:
    """Where a person's data is.

    records   record id -> how it was found: `text`, `metadata` (label too), `id`, `vault` (by a pseudonym's original)
    versions  version, stage, its records among them, and of those the ones that still have a text
    runs      runs that trained on some of them, with the digest of their weights
    answers   evaluations whose items or answers hold them
    notes     `table.column` -> rows, where the value stands elsewhere in the store
    files     kind, path, records (by their ids) and mentions (of the value) in files
    vault     originals' places in the vault; None where it was not asked
    purged    texts that a purge deleted: what they said cannot be searched
    lost      files and vaults that were written and are not there any more
    """

    records: dict[str, set[str]] = field(default_factory=dict)
    versions: list[dict[str, Any]] = field(default_factory=list)
    runs: list[dict[str, Any]] = field(default_factory=list)
    answers: list[dict[str, Any]] = field(default_factory=list)
    notes: dict[str, int] = field(default_factory=dict)
    files: list[dict[str, Any]] = field(default_factory=list)
    vault: int | None = None
    purged: int = 0
    lost: list[str] = field(default_factory=list)

    @property
    def found(self) -> bool:
        """Whether anything was found that can be erased: anything but raw data."""
        ours = [entry for entry in self.files if entry["kind"] != Kind.source.value]
        return bool(self.records or self.answers or self.notes or ours or self.vault)

    def as_json(self) -> dict[str, Any]:
        """Plain data, every list in full."""
        return {
            "records": {record: sorted(how) for record, how in sorted(self.records.items())},
            "versions": self.versions,
            "runs": self.runs,
            "answers": self.answers,
            "notes": self.notes,
            "files": self.files,
            "vault_entries": self.vault,
            "purged_texts": self.purged,
            "files_not_found": self.lost,
        }


def trace(store: Store, values: Sequence[str], vault: Vault | None = None) -> Trace:
    """Where the values (see `data.person`) are; with a `vault` also where a pseudonym stands for one of them."""
    found = Trace()
    wanted = pattern(values, re2=True)
    records: dict[str, set[str]] = defaultdict(set)
    for record in _known(store, record_ids(values)):
        records[record].add("id")
    if wanted:
        for how, record in _by_pattern(store, wanted):
            records[record].add(how)
    if vault is not None:
        entries = [entry for value in values for entry in vault.find(value)]
        found.vault = len(entries)
        for record in _known(store, sorted({entry.record_id for entry in entries})):
            records[record].add("vault")
    found.records = dict(records)
    ids = sorted(records)
    store.connection.execute(
        "CREATE OR REPLACE TEMP TABLE theirs AS SELECT unnest($1::VARCHAR[]) AS record_id", [ids]
    )
    found.versions = _versions(store)
    found.runs = _runs(store)
    found.answers = _answers(store, wanted)
    found.notes = _notes(store, wanted) if wanted else {}
    found.purged = store.query(
        "SELECT count(DISTINCT text_hash) AS n FROM members WHERE starts_with(text_hash, 'purged-')"
    )["n"].item()
    found.files = list(_files(places(store), ids, pattern(values, re2=False)))
    found.lost = [str(place.path) for place in lost(store)]
    found.lost += [str(path) for path in lost_vaults(store, vault.id if vault else "")]
    return found


def _known(store: Store, ids: Sequence[str]) -> list[str]:
    return store.query(
        "SELECT record_id FROM records WHERE list_contains($1, record_id) ORDER BY 1", [list(ids)]
    )["record_id"].to_list()


def _by_pattern(store: Store, wanted: str) -> Iterator[tuple[str, str]]:
    """(how, record id) of every record whose text, as read or as edited, or whose columns match."""
    yield from store.query(
        f"""WITH hit AS (SELECT t.text_hash FROM texts t WHERE regexp_matches({_TEXT}, $1))
        SELECT DISTINCT 'text', record_id FROM members WHERE text_hash IN (FROM hit)
        UNION SELECT 'text', record_id FROM records WHERE raw_text_hash IN (FROM hit)
        UNION SELECT 'metadata', record_id FROM records
        WHERE regexp_matches(concat_ws(chr(10), metadata, label, source), $1) ORDER BY 2, 1""",
        [wanted],
    ).iter_rows()


def _versions(store: Store) -> list[dict[str, Any]]:
    return store.query(
        """SELECT v.version, v.stage, count(*) AS records, count(t.text_hash) AS with_text
        FROM members m JOIN theirs USING (record_id) JOIN versions v USING (version)
        LEFT JOIN (SELECT text_hash FROM texts) t USING (text_hash)
        GROUP BY v.version, v.stage, v.used ORDER BY v.used"""
    ).to_dicts()


def _runs(store: Store) -> list[dict[str, Any]]:
    return store.query(
        """SELECT r.run_id, r.version, count(*) AS records, r.weights_digest, r.path, r.status
        FROM runs r JOIN members m ON m.version = r.version JOIN theirs USING (record_id)
        WHERE coalesce(m.split, 'train') = 'train'
        GROUP BY r.run_id, r.version, r.weights_digest, r.path, r.status, r.used ORDER BY r.used"""
    ).to_dicts()


def _answers(store: Store, wanted: str) -> list[dict[str, Any]]:
    matches = (
        """OR regexp_matches(concat_ws(chr(10), prompt, prediction, array_to_string("references", chr(10))), $1)"""
        if wanted
        else ""
    )
    return store.query(
        f"""SELECT a.evaluation_id, e.run, count(*) AS answers FROM answers a JOIN evaluations e USING (evaluation_id)
        WHERE a.item IN (FROM theirs) {matches} GROUP BY a.evaluation_id, e.run, e.used ORDER BY e.used""",
        [wanted] if wanted else [],
    ).to_dicts()


def _notes(store: Store, wanted: str) -> dict[str, int]:
    """Rows by `table.column` for every other column of words."""
    columns = store.query(
        """SELECT c.table_name, c.column_name FROM duckdb_columns() c
        JOIN duckdb_tables() USING (table_oid, database_name) WHERE c.database_name = current_database()
        AND c.data_type = 'VARCHAR'
        AND NOT regexp_matches(c.column_name, '_id$|_hash$|^version$|^part$') ORDER BY ALL"""
    ).rows()
    found = {}
    for table, column in columns:
        if table in _NO_NOTES or (table, column) in (
            ("records", "metadata"),
            ("records", "label"),
            ("records", "source"),
        ):
            continue
        rows = store.query(
            f'SELECT count(*) AS n FROM {table} WHERE regexp_matches("{column}", $1)', [wanted]
        )
        if rows["n"].item():
            found[f"{table}.{column}"] = rows["n"].item()
    return found


def _files(around: Sequence[Place], ids: Sequence[str], wanted: str) -> Iterator[dict[str, Any]]:
    """What is in each file: how many of the records by their ids, how often the values."""
    needles = Needles({record.encode(): [number] for number, record in enumerate(ids)})
    compiled = re.compile(wanted) if wanted else None
    others = [place for place in around if place.kind not in (Kind.store, Kind.temporary, Kind.backup)]
    with progress("Looking into files", total=len(others)) as advance:
        for place in others:
            # A raw file has no record ids, and those of a reject file are of others.
            records = sorted(needles.windows_in(_chunks(place))) if place.kind is not Kind.source else []
            mentions = _matches(_chunks(place), compiled) if compiled else 0
            if records or mentions:
                yield {
                    "kind": place.kind.value,
                    "path": str(place.path),
                    "of": place.of,
                    "records": len(records),
                    "mentions": mentions,
                }
            advance(1)


def _chunks(place: Place) -> Iterable[bytes]:
    return decoded_chunks(place.path) or file_chunks(place.path)


def _matches(chunks: Iterable[bytes], wanted: re.Pattern[str]) -> int:
    """How often the pattern matches in the chunks, which follow one another."""
    count, rest = 0, ""
    for chunk in chunks:
        text = rest + plain_text(chunk.decode("utf-8", "replace"))
        edge = max(len(text) - _OVERLAP, 0)
        count += sum(match.start() < edge for match in wanted.finditer(text))
        # The letter keeps the cut from looking like the beginning of a word.
        rest = ("x" if edge else "") + text[edge:]
    return count + sum(1 for _ in wanted.finditer(rest))


def plain_text(text: str) -> str:
    """`text` without what JSON and HTML write for a letter, a quote or a new line."""
    if "\\" in text:
        text = re.sub(r"\\u([0-9a-fA-F]{4})", lambda found: chr(int(found.group(1), 16)), text)
        text = re.sub(r"\\[nrt]", " ", text).replace('\\"', '"')
    return html.unescape(text) if "&" in text else text
