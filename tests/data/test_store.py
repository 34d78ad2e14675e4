"""The store keeps its invariants, survives interruption, and says plainly what is wrong with a file."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from data.errors import StoreError
from data.evaluations import ANSWER_SCHEMA, Evaluation
from data.facts import Fact
from data.load import LOADED_SCHEMA, REJECT_SCHEMA
from data.records import text_hash
from data.runs import Run
from data.store import Store
from data.verdicts import verdicts

REASONS = {"probe_bad": "bad", "probe_mend": "mended", "probe_place": "placed"}
NO_REJECTS = pl.DataFrame(schema=REJECT_SCHEMA)


def record(number: int, text: str | None = None) -> dict[str, Any]:
    messages = [
        {"role": "user", "content": text or f"question {number}"},
        {"role": "assistant", "content": f"answer {number}"},
    ]
    return {
        "record_id": f"{number:016x}", "text_hash": text_hash(messages), "kind": "chat", "messages": messages,
        "label": None, "source": "test", "licence": None, "language": None, "timestamp": None,
        "metadata": f'{{"region": "r{number % 2}"}}', "file": "test.jsonl", "line": number,
    }  # fmt: skip


def ingest(store: Store, version: str = "v-0", numbers: range = range(5)) -> str:
    frame = pl.DataFrame([record(n) for n in numbers], schema=LOADED_SCHEMA)
    return store.ingest(version, {}, "code", [(frame, NO_REJECTS)], list)


def apply(
    store: Store, rows: list[dict[str, Any]], version: str = "latest", config: dict[str, Any] | None = None
) -> str:
    return store.apply(
        version, stage="probe", config=config or {}, code="c", verdicts=verdicts(rows), reasons=REASONS
    )


@pytest.fixture
def store(tmp_path: Path):
    with Store.open(tmp_path / "store.duckdb") as opened:
        yield opened


def test_apply_drops_edits_assigns_and_keeps_the_parent(store: Store) -> None:
    parent = ingest(store)
    edited = [{"role": "user", "content": "other"}, {"role": "assistant", "content": "answer 1"}]
    made = apply(
        store,
        [
            {
                "record_id": f"{0:016x}",
                "action": "drop",
                "reason": "probe_bad",
                "partner": f"{2:016x}",
                "score": 0.9,
            },
            {"record_id": f"{1:016x}", "action": "edit", "reason": "probe_mend", "messages": edited},
            {"record_id": f"{2:016x}", "action": "assign", "reason": "probe_place", "value": "test"},
        ],
    )
    frame = store.read(made).frame("record_id", "prompt", "split", "region").collect()
    assert frame.rows() == [
        (f"{1:016x}", "other", None, "r1"),
        (f"{2:016x}", "question 2", "test", "r0"),
        (f"{3:016x}", "question 3", None, "r1"),
        (f"{4:016x}", "question 4", None, "r0"),
    ]
    version = store.version(made)
    assert (version.rows, version.dropped, version.edited, version.assigned) == (4, 1, 1, 1)
    assert len(store.read(parent)) == 5
    assert [v.version for v in store.lineage(made)] == [parent, made]
    assert store.verdicts(made).filter(pl.col("action") == "edit")["messages"].to_list() == [edited]


@pytest.mark.parametrize(
    ("rows", "rule"),
    [
        ([{"record_id": "f" * 16, "action": "drop", "reason": "probe_bad"}], "not in"),
        ([{"record_id": f"{0:016x}", "action": "drop", "reason": "other_reason"}], "does not declare"),
        ([{"record_id": f"{0:016x}", "action": "erase", "reason": "probe_bad"}], "action"),
        ([{"record_id": f"{0:016x}", "action": "drop", "reason": "probe_bad"},
          {"record_id": f"{0:016x}", "action": "drop", "reason": "probe_mend"}], "two drop or edit"),
        ([{"record_id": f"{0:016x}", "action": "assign", "reason": "probe_place"}], "without a value"),
        ([{"record_id": f"{0:016x}", "action": "edit", "reason": "probe_mend"}], "without messages"),
        ([{"record_id": f"{0:016x}", "action": "edit", "reason": "probe_mend", "messages": record(0)["messages"]}],
         "do not change"),
    ],
)  # fmt: skip
def test_a_verdict_that_breaks_a_rule_changes_nothing(
    store: Store, rows: list[dict[str, Any]], rule: str
) -> None:
    parent = ingest(store)
    with pytest.raises(ValueError, match=rule):
        apply(store, rows)
    assert store.resolve("latest") == parent
    assert store.query("SELECT count(*) AS n FROM verdicts")["n"].item() == 0
    assert len(store.read(parent)) == 5


def test_the_same_step_is_reused_and_becomes_latest(store: Store) -> None:
    parent = ingest(store)
    first = apply(store, [{"record_id": f"{0:016x}", "action": "drop", "reason": "probe_bad"}], parent)
    other = apply(store, [], parent, {"threshold": 1})
    assert store.resolve("latest") == other
    assert apply(store, [], parent) == first
    assert store.resolve("latest") == first
    assert len(store.versions()) == 3


def test_equal_data_has_equal_digests_whatever_the_order(tmp_path: Path) -> None:
    digests = []
    for name, order in (("a", range(5)), ("b", range(4, -1, -1))):
        with Store.open(tmp_path / f"{name}.duckdb") as store:
            frame = pl.DataFrame([record(n) for n in order], schema=LOADED_SCHEMA)
            store.ingest("v-0", {}, "code", [(frame, NO_REJECTS)], list)
            digests.append(store.version("v-0").digest)
    assert digests[0] == digests[1]


def test_known_verdicts_are_not_asked_for_again(store: Store) -> None:
    ingest(store)
    edited = [{"role": "user", "content": "new"}, {"role": "assistant", "content": "a"}]
    apply(
        store,
        [
            {"record_id": f"{0:016x}", "action": "drop", "reason": "probe_bad"},
            {"record_id": f"{1:016x}", "action": "edit", "reason": "probe_mend", "messages": edited},
        ],
    )
    ingest(store, "v-1", range(7))
    known, new = store.known("v-1", stage="probe", config={}, code="c")
    assert sorted(known["reason"]) == ["probe_bad", "probe_mend"]
    assert known.filter(pl.col("action") == "edit")["messages"].to_list() == [edited]
    assert new.frame("record_id").collect()["record_id"].to_list() == [f"{5:016x}", f"{6:016x}"]
    again, everything = store.known("v-1", stage="probe", config={"other": 1}, code="c")
    assert again.is_empty()
    assert len(everything) == 7


def test_an_ingest_that_fails_half_way_leaves_nothing(store: Store) -> None:
    def batches():
        yield pl.DataFrame([record(0)], schema=LOADED_SCHEMA), NO_REJECTS
        raise RuntimeError("the disk is full")

    with pytest.raises(RuntimeError):
        store.ingest("v-0", {}, "code", batches(), list)
    for table in ("records", "texts", "members", "versions"):
        assert store.query(f"SELECT count(*) AS n FROM {table}")["n"].item() == 0


def test_names_resolve(store: Store) -> None:
    first = ingest(store)
    store.tag("good", first)
    made = apply(store, [])
    assert store.resolve("good") == first
    assert store.resolve("latest") == made
    assert store.resolve(made[:6]) == made
    with pytest.raises(StoreError, match="no version 'gud'") as caught:
        store.resolve("gud")
    assert "good" in str(caught.value)
    with pytest.raises(StoreError, match="cannot be a tag"):
        store.tag("latest", first)


def test_facts_runs_and_evaluations_come_back_as_they_went_in(store: Store) -> None:
    version = ingest(store)
    fact = Fact(
        subject=version, subject_kind="version", name="x", value=0.5, unit="fraction", n=4, detail={"a": [1]}
    )
    store.add_facts([fact])
    store.add_facts([Fact(subject=version, subject_kind="version", name="x", value=0.25, unit="fraction")])
    assert store.facts(version)["value"].to_list() == [0.25]
    run = Run(
        run_id="run-1",
        version=version,
        model="m",
        method="lora",
        config={"a": 1},
        seed=3,
        metrics={"loss": 1.5},
    )
    store.save_run(run)
    assert store.run("latest") == run
    assert store.runs() == [run]
    answers = pl.DataFrame(
        [{"task": "t", "item": "i", "role": "base", "prompt": "p", "prediction": "x", "references": ["a", "b"],
          "scores": "{}"}], schema=ANSWER_SCHEMA,
    )  # fmt: skip
    store.save_evaluation(Evaluation(evaluation_id="eval-1", run="run-1", version=version), answers)
    assert store.answers("latest").equals(answers)
    with pytest.raises(StoreError, match="no run 'run-9'"):
        store.run("run-9")


def test_the_latest_run_is_the_last_that_ended(store: Store) -> None:
    for number, status in enumerate(("done", "done", "running", "failed")):
        store.save_run(
            Run(
                run_id=f"run-{number}",
                version="v-0",
                model="m",
                method="lora",
                config={},
                seed=1,
                status=status,
            )
        )
    assert store.run("latest").run_id == "run-1"
    assert [run.run_id for run in store.runs()] == ["run-0", "run-1", "run-2", "run-3"]


def test_a_second_process_is_told_who_holds_the_store(store: Store) -> None:
    code = (
        "from data.store import Store\nfrom data.errors import StoreError\n"
        f"try:\n    Store.open({str(store.path)!r})\nexcept StoreError as e:\n    print(e)"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "in use by process" in said
    assert "wait until it ends" in said


def test_a_damaged_a_foreign_and_a_newer_file_are_named(tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.duckdb"
    damaged.write_bytes(b"not a database " * 1000)
    with pytest.raises(StoreError, match="damaged or is not a DuckDB file"):
        Store.open(damaged)
    foreign = tmp_path / "foreign.duckdb"
    with duckdb.connect(str(foreign)) as connection:
        connection.execute("CREATE TABLE t (x INTEGER)")
    with pytest.raises(StoreError, match="not a tuneproof store"):
        Store.open(foreign)
    newer = tmp_path / "newer.duckdb"
    Store.open(newer).close()
    with duckdb.connect(str(newer)) as connection:
        connection.execute("UPDATE meta SET value = '999'")
    with pytest.raises(StoreError, match="schema 999"):
        Store.open(newer)
    with pytest.raises(StoreError, match="no store at"):
        Store.open(tmp_path / "absent.duckdb", read_only=True)


def test_a_backup_holds_everything(store: Store, tmp_path: Path) -> None:
    version = ingest(store)
    store.backup(tmp_path / "copy.duckdb")
    with Store.open(tmp_path / "copy.duckdb", read_only=True) as copy:
        assert copy.version("latest").digest == store.version(version).digest
        assert len(copy.read(version)) == 5
    with pytest.raises(StoreError, match="exists already"):
        store.backup(tmp_path / "copy.duckdb")


def test_a_dropped_record_can_come_back(store: Store) -> None:
    ingest(store)
    dropped = apply(store, [{"record_id": f"{0:016x}", "action": "drop", "reason": "probe_bad"}])
    text = record(0)["messages"]
    back = {"record_id": f"{0:016x}", "action": "restore", "reason": "probe_mend", "messages": text}
    made = apply(store, [back], dropped, {"undo": 1})
    assert len(store.read(made)) == 5
    assert store.version(made).restored == 1
    with pytest.raises(ValueError, match="already"):
        apply(store, [back], made, {"undo": 2})


def test_records_come_in_the_same_order_whatever_is_read_of_them(store: Store) -> None:
    ingest(store, "v-0", range(0, 4000, 2))
    ingest(store, "v-1", range(4000))
    expected = [f"{n:016x}" for n in range(4000)]
    for columns in (("record_id",), ("record_id", "text"), ("record_id", "source", "messages", "region")):
        batches = list(store.read("v-1").batches(*columns, rows=700))
        assert pl.concat(batches)["record_id"].to_list() == expected
        assert max(batch.height for batch in batches) <= 2048


def test_any_metadata_key_can_be_asked_for(store: Store) -> None:
    odd = {**record(1), "metadata": json.dumps({'a "quoted" key': "x", "it's": "y", "a/b~c": "z"})}
    store.ingest("v-0", {}, "c", [(pl.DataFrame([odd], schema=LOADED_SCHEMA), NO_REJECTS)], list)
    assert store.read("v-0").frame('a "quoted" key', "it's", "a/b~c", "absent").collect().row(0) == (
        "x",
        "y",
        "z",
        None,
    )
