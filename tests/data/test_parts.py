"""Versions that share what they have in common: readers see none of it, and old stores become such."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from data import fresh, parts
from data.load import LOADED_SCHEMA, REJECT_SCHEMA
from data.records import text_hash
from data.store import Store
from data.verdicts import Verdicts, verdicts

REASONS = {"probe_bad": "bad", "probe_note": "noted", "probe_mend": "mended"}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "store.duckdb") as opened:
        yield opened


def ids(*numbers: int) -> list[str]:
    return [f"{number:016x}" for number in numbers]


def ingest(store: Store, version: str, numbers: range, base: str | None = None) -> str:
    rows = [
        {"record_id": ids(n)[0], "kind": "text", "messages": [{"role": "document", "content": f"text {n}"}],
         "text_hash": text_hash([{"role": "document", "content": f"text {n}"}]), "source": "s", "metadata": "{}",
         "file": "f", "line": n}
        for n in numbers
    ]  # fmt: skip
    frame = pl.DataFrame(rows, schema=LOADED_SCHEMA)
    return store.ingest(version, {}, "c", [(frame, pl.DataFrame(schema=REJECT_SCHEMA))], list, base)


def said(action: str, reason: str, *numbers: int) -> Verdicts:
    messages = [{"role": "document", "content": "mended"}] if action == "edit" else None
    rows = [{"record_id": i, "action": action, "reason": reason, "messages": messages} for i in ids(*numbers)]
    return verdicts(rows)


def apply(store: Store, version: str, given: Verdicts, **more: object) -> str:
    return store.apply(version, stage="probe", config={}, code="c", verdicts=given, reasons=REASONS, **more)  # type: ignore[arg-type]


def members(store: Store, version: str) -> list[str]:
    return store.read(version).frame("record_id").collect()["record_id"].to_list()


def written(store: Store, version: str) -> int:
    return int(store.query("SELECT count(*) AS n FROM member_rows WHERE part = ?", [version])["n"].item())


def test_a_version_writes_what_differs_from_its_parent(store: Store) -> None:
    ingest(store, "v-0", range(20))
    noted = apply(store, "v-0", said("tag", "probe_note", 3))
    assert written(store, noted) == 0
    assert store.version(noted).digest == store.version("v-0").digest
    changed = apply(store, noted, pl.concat([said("drop", "probe_bad", 1, 2), said("edit", "probe_mend", 5)]))
    assert written(store, changed) == 1
    assert members(store, changed) == ids(0, *range(3, 20))
    assert store.membership_digest(changed) == store.version(changed).digest != store.version(noted).digest
    assert members(store, "v-0") == ids(*range(20))
    text = store.read(changed).frame("record_id", "text").filter(record_id=ids(5)[0]).collect()
    assert text["text"].to_list() == ["mended"]


def test_a_version_that_changes_much_is_written_whole(store: Store) -> None:
    ingest(store, "v-0", range(20))
    made = apply(store, "v-0", said("drop", "probe_bad", *range(8)))
    assert parts.parts_of(store.connection, "member", made) == [made]
    assert members(store, made) == ids(*range(8, 20))


def test_what_was_said_of_old_records_holds_on(store: Store) -> None:
    ingest(store, "v-0", range(20))
    first = apply(store, "v-0", pl.concat([said("drop", "probe_bad", 1), said("tag", "probe_note", 4, 6)]))
    ingest(store, "v-1", range(20, 24), base="v-0")
    assert store.extended("v-1", stage="probe", config={}, code="c") == first
    more = pl.concat([said("drop", "probe_bad", 21), said("tag", "probe_note", 2)])
    second = apply(store, "v-1", more, earlier=first, again=pl.Series(ids(2, 4)))
    assert members(store, second) == ids(0, *range(2, 21), 22, 23)
    assert store.verdicts(second).select("record_id", "action").rows() == [
        (ids(1)[0], "drop"), (ids(2)[0], "tag"), (ids(6)[0], "tag"), (ids(21)[0], "drop"),
    ]  # fmt: skip
    version = store.version(second)
    assert (version.rows, version.dropped, version.tagged) == (22, 2, 2)
    assert store.holds(second, first)
    assert written(store, second) == 3
    assert store.read(second, but=first).frame("record_id").collect()["record_id"].to_list() == ids(
        20, 22, 23
    )
    # A record that is judged again, and goes: the earlier version keeps it.
    ingest(store, "v-2", range(24, 26), base="v-1")
    third = apply(store, "v-2", said("drop", "probe_bad", 6), earlier=second, again=pl.Series(ids(6)))
    assert ids(6)[0] not in members(store, third)
    assert ids(6)[0] in members(store, second)
    assert not store.holds(third, second)


def test_a_verdict_on_an_old_record_that_was_not_judged_again_is_refused(store: Store) -> None:
    ingest(store, "v-0", range(20))
    first = apply(store, "v-0", said("drop", "probe_bad", 1))
    ingest(store, "v-1", range(20, 22), base="v-0")
    with pytest.raises(ValueError, match="1 verdicts on records that were not judged again"):
        apply(store, "v-1", said("drop", "probe_bad", 3), earlier=first, again=pl.Series(ids(4)))
    assert store.newest() == "v-1"


def test_many_parts_become_one(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "MOST_PARTS", 3)
    before = ingest(store, "v-0", range(20))
    made = apply(store, before, said("drop", "probe_bad", 0))
    for number in range(1, 6):
        base, before = before, ingest(store, f"v-{number}", range(20 + number, 21 + number), base=before)
        assert base != before
        made = apply(store, before, said("drop", "probe_bad"), earlier=made, again=pl.Series(ids(0))[:0])
        assert len(parts.parts_of(store.connection, "member", made)) <= 3
        assert members(store, made) == ids(*range(1, 20), *range(21, 21 + number))
        assert store.verdicts(made)["record_id"].to_list() == ids(0)
        assert store.membership_digest(made) == store.version(made).digest


def test_an_older_store_becomes_one_of_parts(tmp_path: Path) -> None:
    path = tmp_path / "old.duckdb"
    with Store.open(path) as store:
        ingest(store, "v-0", range(20))
        made = apply(store, "v-0", said("drop", "probe_bad", 3))
        expected = [store.query(f"SELECT * FROM {noun} ORDER BY ALL") for noun in ("members", "verdicts")]
        for noun in ("member", "verdict"):
            store.connection.execute(f"CREATE TABLE old AS FROM {noun}s; DROP VIEW {noun}s")
            for kept in ("rows", "parts", "gaps"):
                store.connection.execute(f"DROP TABLE {noun}_{kept}")
            store.connection.execute(f"ALTER TABLE old RENAME TO {noun}s")
        store.connection.execute("UPDATE meta SET value = '5' WHERE key = 'schema_version'")
    with Store.open(path, read_only=True) as store:
        assert members(store, made) == ids(*(n for n in range(20) if n != 3))
    with Store.open(path) as store:
        found = [store.query(f"SELECT * FROM {noun} ORDER BY ALL") for noun in ("members", "verdicts")]
        assert all(a.equals(b) for a, b in zip(found, expected, strict=True))
        ingest(store, "v-1", range(20, 22), base="v-0")
        again = apply(store, "v-1", said("drop", "probe_bad", 20), earlier=made, again=pl.Series(ids(3))[:0])
        assert store.version(again).rows == 20


def test_digests_of_a_chain_are_those_of_what_is_stored(store: Store, tmp_path: Path) -> None:
    """They are made of the members that are held from one version to the next, and not read again."""
    changes = [
        said("drop", "probe_bad", 1, 2),
        pl.concat([said("drop", "probe_bad", 7), said("edit", "probe_mend", 5, 9)]),
        said("assign", "probe_note", 3, 4).with_columns(value=pl.lit("test")),
        said("tag", "probe_note", 11),
        said("edit", "probe_mend", 2).with_columns(action=pl.lit("restore")),
        said("assign", "probe_note", *range(10, 19)).with_columns(value=pl.lit("train")),
        said("drop", "probe_bad", 3, 18),
    ]
    chain = [ingest(store, "v-0", range(20))]
    for change in changes:
        chain.append(apply(store, chain[-1], change))
    assert [store.version(v).digest for v in chain] == [store.membership_digest(v) for v in chain]
    with Store.open(tmp_path / "other.duckdb") as other:
        ingest(other, "v-0", range(20))
    for version, change in zip(chain, changes, strict=False):
        with Store.open(tmp_path / "other.duckdb") as other:  # which holds nothing of the one before
            made = apply(other, version, change)
            assert other.version(made).digest == store.version(made).digest


def test_new_texts_are_read_as_they_are_stored(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """From memory, where they came in just now; from the table, where they are too many to be held."""
    ingest(store, "v-0", range(20))
    ingest(store, "v-1", range(20, 25), base="v-0")
    new = store.read("v-1", but="v-0")
    stored = store.read("v-1").among(pl.Series(ids(*range(20, 25))))
    for columns in (("record_id", "text"), ("messages", "prompt", "file"), ()):
        assert new.frame(*columns).collect().equals(stored.frame(*columns).collect())
        assert pl.concat(new.batches(*columns, rows=2)).equals(stored.frame(*columns).collect())
    held = store._fresh.texts
    assert held is not None and held.height == 25
    monkeypatch.setattr(fresh, "MOST", 24)
    ingest(store, "v-2", range(30, 31), base="v-1")
    assert store._fresh.texts is None
    assert store.read("v-2", but="v-1").frame("text").collect()["text"].to_list() == ["text 30"]


def test_what_is_held_is_no_table_of_the_store(store: Store) -> None:
    ingest(store, "v-0", range(20))
    ingest(store, "v-1", range(20, 25), base="v-0")
    before = set(store.query("SELECT table_name FROM information_schema.tables")["table_name"])
    store.read("v-1", but="v-0").frame("text").collect()
    assert set(store.query("SELECT table_name FROM information_schema.tables")["table_name"]) == before


def test_the_rows_of_a_version_are_those_that_the_views_show(store: Store) -> None:
    ingest(store, "v-0", range(20))
    dropped = apply(store, "v-0", said("drop", "probe_bad", 1, 2))
    mended = apply(store, dropped, said("edit", "probe_mend", 3))
    more = ingest(store, "v-1", range(20, 30), base="v-0")
    grown = apply(store, more, said("edit", "probe_mend", 4, 20), earlier=dropped, again=pl.Series(ids(4)))
    for version in ("v-0", dropped, mended, more, grown):
        for noun in ("member", "verdict"):
            rows = parts.rows_of(store.connection, noun, version)
            for one, other in (("FROM a", "FROM b"), ("FROM b", "FROM a")):
                differing = store.query(
                    f"WITH a AS (FROM {noun}s WHERE version = ?), b AS (FROM {rows}) {one} EXCEPT ALL {other}",
                    [version],
                )
                assert differing.is_empty(), (version, noun)
    assert len(members(store, grown)) == 28
