"""Questions and answers in the store: rows are only added, the last one holds, and nobody's name is kept."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import polars as pl
import pytest

from data.annotations import ANNOTATION_SCHEMA, ITEM_SCHEMA, DeskDataset
from data.errors import StoreError
from data.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "s.duckdb") as opened:
        yield opened


def answers(*said: tuple[str, str, str]) -> pl.DataFrame:
    """(response, annotator, answers) as rows about one item each."""
    rows = [
        {
            "response": response, "item": f"i{response}", "record_id": f"r{response}", "text_hash": "h",
            "annotator": who, "status": "submitted", "answers": text, "stale": False, "answered": datetime(2026, 1, 1),
        }
        for response, who, text in said
    ]  # fmt: skip
    return pl.DataFrame(rows, schema=ANNOTATION_SCHEMA)


def test_rows_are_only_added(store: Store) -> None:
    first = answers(("1", "a", "keep"), ("2", "a", "keep"), ("3", "b", "drop"))
    assert store.add_answers("d", first) == {"new": 3, "changed": 0, "deleted": 0}
    assert store.add_answers("d", first) == {"new": 0, "changed": 0, "deleted": 0}
    second = answers(("1", "a", "drop"), ("3", "b", "drop"))
    assert store.add_answers("d", second) == {"new": 0, "changed": 1, "deleted": 1}
    assert store.answers_of("d").select("response", "answers").rows() == [("1", "drop"), ("3", "drop")]
    history = store.history_of("d").select("number", "response", "status", "answers").rows()
    assert history == [
        (1, "1", "submitted", "keep"), (2, "2", "submitted", "keep"), (3, "3", "submitted", "drop"),
        (4, "1", "submitted", "drop"), (5, "2", "deleted", None),
    ]  # fmt: skip
    assert store.add_answers("d", first)["new"] == 1, "what was deleted may come again"
    assert store.answers_of("other").is_empty()


def test_a_part_says_nothing_of_other_people(store: Store) -> None:
    store.add_answers("d", answers(("1", "a", "keep"), ("2", "a", "keep"), ("3", "b", "drop")))
    assert store.add_answers("d", answers(("1", "a", "keep")), partial=True)["deleted"] == 1
    assert store.answers_of("d")["response"].to_list() == ["1", "3"]


def test_a_pull_is_whole_or_nothing(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    store.add_answers("d", answers(("1", "a", "keep")))
    insert = store._insert

    def broken(table: str, frame: pl.DataFrame) -> None:
        insert(table, frame)
        raise KeyboardInterrupt

    monkeypatch.setattr(store, "_insert", broken)
    with pytest.raises(KeyboardInterrupt):
        store.add_answers("d", answers(("1", "a", "drop"), ("2", "a", "drop")))
    assert store.history_of("d").height == 1


def test_datasets_and_items_are_replaced_by_name(store: Store) -> None:
    made = DeskDataset(
        dataset="d", place="file:x", version="v-1", scrubbed=True, questions={"b": 1, "a": [2]}, overlap=2
    )
    store.save_desk_dataset(made)
    store.save_desk_dataset(made)
    (kept,) = store.desk_datasets()
    assert kept.questions == {"b": 1, "a": [2]} and kept.created is not None
    item = dict.fromkeys(ITEM_SCHEMA, "x")
    store.add_desk_items("d", pl.DataFrame([item, {**item, "item": "y"}]))
    store.add_desk_items("d", pl.DataFrame([{**item, "why": "changed"}]))
    assert store.desk_items("d").select("item", "why").rows() == [("x", "changed"), ("y", "x")]


def test_people_have_pseudonyms(store: Store, tmp_path: Path) -> None:
    assert store.pseudonyms(["zoe@example.com", "bob"]) == {
        "zoe@example.com": "annotator-1",
        "bob": "annotator-2",
    }
    assert store.pseudonyms(["bob", "eve"]) == {"bob": "annotator-2", "eve": "annotator-3"}
    key = tmp_path / "s.duckdb.annotators.key"
    assert key.stat().st_mode & 0o077 == 0
    assert "zoe" not in str(store.query("SELECT * FROM annotators").to_dicts())
    key.write_text("short")
    with pytest.raises(StoreError, match="is no key of annotators"):
        store.pseudonyms(["bob"])
    key.unlink()
    assert store.pseudonyms(["bob"]) == {"bob": "annotator-4"}, "without the key nobody is known again"
