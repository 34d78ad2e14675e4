"""Answers from a sheet: later curations carry them on, people agree or are adjudicated, and who is forgotten goes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from curation.desk.adjudicate import adjudicate
from curation.desk.agreement import agreement
from curation.desk.pull import pull
from curation.desk.push import push
from curation.undo import undo
from data.errors import ConfigError
from data.lineage import story
from data.store import Store

from .sheets import copied, curate, curated_folder, desk, fill, items, read, row, source


@pytest.fixture(scope="module")
def curated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """See `curated_folder`."""
    return curated_folder(tmp_path_factory.mktemp("curated"))


@pytest.fixture
def work(curated: Path, tmp_path: Path) -> Path:
    """A copy of the folder of its own."""
    return copied(curated, tmp_path)


def test_later_curations_carry_the_answers_on(work: Path) -> None:
    push(desk(work))
    first, second, *_ = items(work / "sheet.csv")
    fill(
        work / "sheet.csv",
        work / "a.csv",
        "ann",
        {first: {"fate": "drop"}, second: {"fate": "fix", "fixed": "So."}},
    )
    pull(desk(work, f"desk.file={work}/a.csv"))
    with Store.open(work / "s.duckdb") as store:
        pulled = store.version("latest")
    assert curate(work) == pulled.version, "the same curation ends in the same version"
    with (work / "raw.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps(row(99)) + "\n")
    curate(work)
    with Store.open(work / "s.duckdb") as store:
        grown = store.version("latest")
        assert grown.stage == "desk" and grown.rows == 40 and grown.version != pulled.version
        assert not store.present(store.resolve("latest"), [first])
        texts = store.read("latest").frame("record_id", "answer").filter(record_id=second).collect()
        assert texts["answer"].item() == "So."
    curate(work, "keep_answers=false")
    with Store.open(work / "s.duckdb") as store:
        assert store.present(store.resolve("latest"), [first]) and store.version("latest").stage == "split"


def test_an_answer_that_is_taken_back_decides_no_more(work: Path) -> None:
    push(desk(work))
    first, second, *_ = items(work / "sheet.csv")
    fill(work / "sheet.csv", work / "a.csv", "ann", {first: {"fate": "drop"}})
    pull(desk(work, f"desk.file={work}/a.csv"))
    fill(work / "sheet.csv", work / "a.csv", "ann", {first: {"fate": "keep"}})
    pull(desk(work, f"desk.file={work}/a.csv"))
    with Store.open(work / "s.duckdb") as store:
        assert store.present(store.resolve("latest"), [first])
    fill(work / "sheet.csv", work / "b.csv", "ben", {second: {"fate": "keep"}})
    pull(desk(work, f"desk.file={work}/b.csv"))
    with Store.open(work / "s.duckdb") as store:
        assert store.answers_of("keep-sample").height == 2, "another person's sheet says nothing of hers"
    fill(work / "sheet.csv", work / "a.csv", "ann", {second: {"fate": "keep"}})
    pull(desk(work, f"desk.file={work}/a.csv"))
    with Store.open(work / "s.duckdb") as store:
        assert store.verdicts("latest")["record_id"].to_list() == [second]
        history = store.history_of("keep-sample").filter(item=first)
        assert history["status"].to_list() == ["submitted", "submitted", "deleted"]
        assert [json.loads(a or "{}").get("fate") for a in history["answers"]] == ["drop", "keep", None]


def test_an_undo_keeps_the_answers(work: Path) -> None:
    twin = row(3)
    rows = [*(row(n) for n in range(20)), {**twin, "completion": twin["completion"][:-1] + " indeed."}]
    source(work, rows)
    curate(work)
    push(desk(work))
    first, *_ = items(work / "sheet.csv")
    fill(work / "sheet.csv", work / "a.csv", "ann", {first: {"fate": "drop"}})
    pull(desk(work, f"desk.file={work}/a.csv"))
    with Store.open(work / "s.duckdb") as store:
        gone = store.query("SELECT record_id FROM verdicts WHERE action = 'drop' AND reason LIKE 'dedup%'")
        steps = undo(store, gone["record_id"][0], "both wanted")
        assert steps[-1].stage == "desk"
        assert not store.present(store.resolve("latest"), [first]) and store.present(
            store.resolve("latest"), [gone["record_id"][0]]
        )


def test_agreement_and_adjudication(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    gold = work / "gold.jsonl"
    with Store.open(work / "s.duckdb") as store:
        known = store.read("latest").frame("record_id").collect()["record_id"][0]
    gold.write_text(json.dumps({"record_id": known, "fate": "keep"}) + "\n")
    push(desk(work, "rows=40", "overlap=2", f"gold={gold}", "groups=[audience]"))
    names = items(work / "sheet.csv")
    assert known in names
    ann = {n: {"fate": "drop" if i % 4 == 0 else "keep"} for i, n in enumerate(names)}
    ben = {n: {"fate": "drop" if i % 4 == 0 and i else "keep"} for i, n in enumerate(names)}
    ann[known], ben[known] = {"fate": "keep"}, {"fate": "drop"}
    fill(work / "sheet.csv", work / "a1.csv", "ann", ann)
    fill(work / "sheet.csv", work / "a2.csv", "ben", ben)
    pull(desk(work, f"desk.file={work}/a?.csv"))
    agreement(desk(work, "groups=[audience]", "draws=200"))
    said = capsys.readouterr().out
    assert "alpha, nominal" in said and "annotator-1 and 2" in said and "Cohen's kappa" in said
    with pytest.raises(ConfigError, match=r"groups: no record of .* has a column 'audiense'"):
        agreement(desk(work, "groups=[audiense]"))
    agreement(desk(work, "groups=[source]", "draws=100"))
    assert "groups=source: nothing to compare" in capsys.readouterr().out
    agreement(desk(work, "groups=[audience]", "draws=200"))
    with Store.open(work / "s.duckdb") as store:
        facts = {(f["name"], f["slice"].split("|")[-1]): f for f in store.facts().to_dicts()}
        assert 0.6 < facts["desk_alpha", "nominal"]["value"] < 1
        assert (
            facts["desk_gold", "annotator-1"]["value"] == 1
            and facts["desk_gold", "annotator-2"]["value"] == 0
        )
        kappa = facts["desk_kappa", "annotator-1 and annotator-2"]
        assert kappa["n"] == 40 and kappa["low"] < kappa["value"] < kappa["high"]
        assert {s for n, s in facts if n == "desk_disparity"} == {"audience=younger", "audience=older"}
        disputed = set(store.verdicts("latest").filter(reason="desk_disputed")["record_id"])
    adjudicate(desk(work, f"desk.file={work}/third.csv"))
    third = read(work / "third.csv")
    assert {one["item"] for one in third} == disputed and "x1" in third[0]["why"]
    assert "suggested_fate" not in third[0], "whoever decides is not told what to say"
    fill(work / "third.csv", work / "fay.csv", "fay", {one["item"]: {"fate": "drop"} for one in third})
    pull(desk(work, f"desk.file={work}/fay.csv", "dataset=keep-sample-adjudication"))
    with Store.open(work / "s.duckdb") as store:
        assert not store.present(store.resolve("latest"), sorted(disputed))
        assert "drop by annotator-3" in story(store, sorted(disputed)[0]).events[-1].why


def test_who_is_forgotten_is_forgotten_in_the_answers_too(work: Path) -> None:
    push(desk(work))
    first, second, *_ = items(work / "sheet.csv")
    said = {
        first: {"fate": "fix", "fixed": "Zebulon Quux knows."},
        second: {"fate": "fix", "fixed": "This one stays."},
    }
    fill(work / "sheet.csv", work / "a.csv", "ann", said)
    pull(desk(work, f"desk.file={work}/a.csv"))
    assert b"Zebulon" in (work / "s.duckdb").read_bytes()
    run = subprocess.run(
        [sys.executable, "-m", "data", "--store", str(work / "s.duckdb"), "forget", first, "--yes",
         "--out", str(work / "e")],
        capture_output=True, text=True, check=False, cwd=Path(__file__).parents[3],
    )  # fmt: skip
    assert run.returncode == 0, run.stdout + run.stderr
    everything = (work / "s.duckdb").read_bytes()
    assert b"Zebulon" not in everything and b"This one stays" in everything
    with Store.open(work / "s.duckdb") as store:
        assert set(store.answers_of("keep-sample")["item"]) == {second}
        assert first not in set(store.desk_items("keep-sample")["item"])
