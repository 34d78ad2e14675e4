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
from data.remnants import UNREADABLE
from data.store import Store
from data.vault import Vault

# Longer than any pattern matches: a match across two chunks is found in one of them.
_OVERLAP = 400
_TEXT = "array_to_string([x.content for x in t.messages], chr(10))"
# Looked at record by record, or free of words.
_NO_NOTES = ("texts", "answers", "sketches", "erasures", "member_rows", "members")


@dataclass(slots=True)
class Account:
    """What one of the values found: records (by any way), rows of other columns, answers, mentions in files, and
    places in the vault."""

    records: set[str] = field(default_factory=set)
    rows: int = 0
    answers: int = 0
    mentions: int = 0
    vault: int = 0

    @property
    def places(self) -> int:
        """Where it stands outside the records' texts."""
        return self.rows + self.answers + self.mentions + self.vault


@dataclass(slots=True)
class Trace:
    """Where a person's data is.

    records   record id -> how it was found: `text`, `metadata` (label too), `id`, `vault` (by a pseudonym's original)
    versions  version, stage, its records among them, and of those the ones that still have a text
    runs      runs that trained on some of them, with the digest of their weights
    answers   evaluations whose items or answers hold them
    notes     `table.column` -> rows, where the value stands elsewhere in the store
    files     kind, path, records (by their ids) and mentions (of the value) in files; `unread`: why one was not read
    vault     originals' places in the vault; None where it was not asked
    perhaps   other records, of which the vault has only some of the words of a name: perhaps another person's
    purged    texts that a purge deleted: what they said cannot be searched
    lost      files and vaults that were written and are not there any more
    accounts  the same for each of the values by itself, in their order; of a record's id only the records
    """

    records: dict[str, set[str]] = field(default_factory=dict)
    versions: list[dict[str, Any]] = field(default_factory=list)
    runs: list[dict[str, Any]] = field(default_factory=list)
    answers: list[dict[str, Any]] = field(default_factory=list)
    notes: dict[str, int] = field(default_factory=dict)
    files: list[dict[str, Any]] = field(default_factory=list)
    vault: int | None = None
    perhaps: list[str] = field(default_factory=list)
    purged: int = 0
    lost: list[str] = field(default_factory=list)
    accounts: list[Account] = field(default_factory=list)

    @property
    def found(self) -> bool:
        """Whether anything was found that can be erased: anything but raw data."""
        ours = [
            entry
            for entry in self.files
            if entry["kind"] != Kind.source.value and (entry["records"] or entry["mentions"])
        ]
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
            "perhaps_records": self.perhaps,
            "purged_texts": self.purged,
            "files_not_found": self.lost,
            "by_value": [
                {
                    "value": number,
                    "records": len(own.records),
                    "rows": own.rows,
                    "answers": own.answers,
                    "mentions": own.mentions,
                    "vault_entries": own.vault,
                }
                for number, own in enumerate(self.accounts, 1)
            ],
        }


def trace(store: Store, values: Sequence[str], vault: Vault | None = None) -> Trace:
    """Where the values (see `data.person`) are; with a `vault` also where a pseudonym stands for one of them."""
    found = Trace(accounts=[Account() for _ in values])
    wanted = pattern(values, re2=True)
    records: dict[str, set[str]] = defaultdict(set)
    for number, value in enumerate(values):
        for record in _known(store, record_ids([value])):
            records[record].add("id")
            found.accounts[number].records.add(record)
    _ask(store, values)
    if wanted:
        for how, record, number in _by_pattern(store, wanted):
            records[record].add(how)
            found.accounts[number].records.add(record)
    if vault is not None:
        found.vault, partly = _in_vault(store, values, vault, found.accounts, records)
        found.perhaps = [record for record in _known(store, sorted(partly)) if record not in records]
    found.records = dict(records)
    ids = sorted(records)
    store.connection.execute(
        "CREATE OR REPLACE TEMP TABLE theirs AS SELECT unnest($1::VARCHAR[]) AS record_id", [ids]
    )
    found.versions = _versions(store)
    found.runs = _runs(store)
    found.answers = _answers(store, wanted, found.accounts)
    found.notes = _notes(store, wanted, found.accounts) if wanted else {}
    found.purged = store.query(
        "SELECT count(DISTINCT text_hash) AS n FROM members WHERE starts_with(text_hash, 'purged-')"
    )["n"].item()
    found.files = list(_files(places(store), ids, values, found.accounts))
    found.lost = [str(place.path) for place in lost(store)]
    found.lost += [str(path) for path in lost_vaults(store, vault.id if vault else "")]
    return found


def _ask(store: Store, values: Sequence[str]) -> None:
    """The temporary table `asked`: the pattern of each value by its number; of a record's id there is none."""
    store.connection.execute("CREATE OR REPLACE TEMP TABLE asked (number INTEGER, wanted VARCHAR)")
    for number, value in enumerate(values):
        if own := pattern([value], re2=True):
            store.connection.execute("INSERT INTO asked VALUES (?, ?)", [number, own])


def _in_vault(
    store: Store,
    values: Sequence[str],
    vault: Vault,
    accounts: Sequence[Account],
    records: dict[str, set[str]],
) -> tuple[int, set[str]]:
    """How many places the vault has for the values, whose records join `records`; and records of parts of a name."""
    found: set[tuple[Any, ...]] = set()
    partly: set[str] = set()
    for value, account in zip(values, accounts, strict=True):
        every = vault.find(value, parts=True)
        entries = [entry for entry in every if entry.match != "part"]
        partly.update(entry.record_id for entry in every if entry.match == "part")
        account.vault = len(entries)
        found.update((e.record_id, e.text_hash, e.message, e.start, e.original) for e in entries)
        for record in _known(store, sorted({entry.record_id for entry in entries})):
            records[record].add("vault")
            account.records.add(record)
    return len(found), partly


def _known(store: Store, ids: Sequence[str]) -> list[str]:
    return store.query(
        "SELECT record_id FROM records WHERE list_contains($1, record_id) ORDER BY 1", [list(ids)]
    )["record_id"].to_list()


def _by_pattern(store: Store, wanted: str) -> Iterator[tuple[str, str, int]]:
    """(how, record id, number of the value) of every record whose text, as read or as edited, or whose columns match.

    All is searched once for all values; what was found then for each of them.
    """
    yield from store.query(
        f"""WITH hit AS MATERIALIZED (
            SELECT t.text_hash, {_TEXT} AS said FROM texts t WHERE regexp_matches({_TEXT}, $1)),
        theirs AS MATERIALIZED (SELECT number, text_hash FROM hit JOIN asked ON regexp_matches(said, wanted)),
        about AS MATERIALIZED (
            SELECT record_id, concat_ws(chr(10), metadata, label, source) AS said FROM records
            WHERE regexp_matches(concat_ws(chr(10), metadata, label, source), $1))
        SELECT 'text', record_id, number FROM members JOIN theirs USING (text_hash)
        UNION SELECT 'text', record_id, number FROM records JOIN theirs ON raw_text_hash = theirs.text_hash
        UNION SELECT 'metadata', record_id, number FROM about JOIN asked ON regexp_matches(said, wanted)
        ORDER BY 2, 1, 3""",
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


_ANSWER = """concat_ws(chr(10), prompt, prediction, array_to_string("references", chr(10)))"""


def _answers(store: Store, wanted: str, accounts: Sequence[Account]) -> list[dict[str, Any]]:
    matches = f"OR regexp_matches({_ANSWER}, $1)" if wanted else ""
    if wanted:
        for number, count in _by_value(store, f"SELECT {_ANSWER} AS said FROM answers", wanted):
            accounts[number].answers += count
    return store.query(
        f"""SELECT a.evaluation_id, e.run, count(*) AS answers FROM answers a JOIN evaluations e USING (evaluation_id)
        WHERE a.item IN (FROM theirs) {matches} GROUP BY a.evaluation_id, e.run, e.used ORDER BY e.used""",
        [wanted] if wanted else [],
    ).to_dicts()


def _by_value(store: Store, rows: str, wanted: str) -> list[tuple[int, int]]:
    """(number of a value, how many of the `rows`, a query of a column `said`, hold it)."""
    return store.query(
        f"""WITH hit AS MATERIALIZED (SELECT said FROM ({rows}) WHERE regexp_matches(said, $1))
        SELECT number, count(*) FROM hit JOIN asked ON regexp_matches(said, wanted) GROUP BY number""",
        [wanted],
    ).rows()


def _notes(store: Store, wanted: str, accounts: Sequence[Account]) -> dict[str, int]:
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
            for number, count in _by_value(store, f'SELECT "{column}" AS said FROM {table}', wanted):
                accounts[number].rows += count
    return found


def _files(
    around: Sequence[Place], ids: Sequence[str], values: Sequence[str], accounts: Sequence[Account]
) -> Iterator[dict[str, Any]]:
    """What is in each file: how many of the records by their ids, how often the values."""
    needles = Needles({record.encode(): [number] for number, record in enumerate(ids)})
    wanted = pattern(values, re2=False)
    compiled = re.compile(wanted) if wanted else None
    each = [re.compile(one) if (one := pattern([value], re2=False)) else None for value in values]
    others = [place for place in around if place.kind not in (Kind.store, Kind.temporary, Kind.backup)]
    with progress("Looking into files", total=len(others)) as advance:
        for place in others:
            entry: dict[str, Any] = {"kind": place.kind.value, "path": str(place.path), "of": place.of}
            records: set[bytes] = set()
            mentions = 0
            try:
                # A raw file has no record ids, and those of a reject file are of others.
                if place.kind is not Kind.source:
                    records = needles.windows_in(_chunks(place))
                for match in _matches(_chunks(place), compiled) if compiled else ():
                    mentions += 1
                    for own, account in zip(each, accounts, strict=True):
                        account.mentions += own is not None and own.search(match) is not None
            except UNREADABLE as error:
                entry["unread"] = type(error).__name__
            if records or mentions or "unread" in entry:
                yield {**entry, "records": len(records), "mentions": mentions}
            advance(1)


def _chunks(place: Place) -> Iterable[bytes]:
    return decoded_chunks(place.path) or file_chunks(place.path)


def _matches(chunks: Iterable[bytes], wanted: re.Pattern[str]) -> Iterator[str]:
    """What of the chunks, which follow one another, the pattern matches."""
    rest = ""
    for chunk in chunks:
        text = rest + plain_text(chunk.decode("utf-8", "replace"))
        edge = max(len(text) - _OVERLAP, 0)
        yield from (match.group() for match in wanted.finditer(text) if match.start() < edge)
        # The letter keeps the cut from looking like the beginning of a word.
        rest = ("x" if edge else "") + text[edge:]
    yield from (match.group() for match in wanted.finditer(rest))


def plain_text(text: str) -> str:
    """`text` without what JSON and HTML write for a letter, a quote or a new line."""
    if "\\" in text:
        text = re.sub(r"\\u([0-9a-fA-F]{4})", lambda found: chr(int(found.group(1), 16)), text)
        text = re.sub(r"\\[nrt]", " ", text).replace('\\"', '"')
    return html.unescape(text) if "&" in text else text
