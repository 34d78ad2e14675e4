"""The desk without a server: out to a spreadsheet, back as a version; bad rows by line, nothing lost."""

from __future__ import annotations

import csv
import io
import json
import random
import shutil
import subprocess
import sys
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from conf.app import compose
from curation.config import CurationConfig
from curation.desk.adjudicate import adjudicate
from curation.desk.agreement import agreement
from curation.desk.config import DeskCommand
from curation.desk.pull import pull
from curation.desk.push import push
from curation.pipeline import run_pipeline
from curation.undo import undo
from data.errors import ConfigError, StoreError, UserError
from data.lineage import story
from data.store import Store

WORDS = [f"word{n}" for n in range(300)]


def row(number: int, **about: Any) -> dict[str, Any]:
    words = random.Random(number).choices(WORDS, k=30)
    return {"prompt": f"Tell me about {words[0]} {number}.", "completion": " ".join(words) + ".", **about}


@pytest.fixture(scope="module")
def curated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a store: 40 records, one of them with an address that the patterns find."""
    folder = tmp_path_factory.mktemp("curated")
    rows = [row(n, audience=("younger", "older")[n % 2], sure=n / 40) for n in range(40)]
    rows[0]["completion"] += " Write to jane@example.com now."
    source(folder, rows)
    curate(folder)
    return folder


@pytest.fixture
def work(curated: Path, tmp_path: Path) -> Path:
    """A copy of the folder of its own."""
    for name in ("raw.jsonl", "s.duckdb"):
        shutil.copy(curated / name, tmp_path / name)
    return tmp_path


def source(folder: Path, rows: list[dict[str, Any]]) -> None:
    (folder / "raw.jsonl").write_text("".join(json.dumps(one) + "\n" for one in rows), encoding="utf-8")


def curate(folder: Path, *overrides: str) -> str:
    fast = ["pii=patterns", "split.test=0.2", f"source.path={folder / 'raw.jsonl'}"]
    with Store.open(folder / "s.duckdb") as store:
        return run_pipeline(store, compose("curation", CurationConfig, [*fast, *overrides]))[-1].version


@cache
def composed(overrides: tuple[str, ...]) -> DeskCommand:
    return compose("desk", DeskCommand, ["select=sample", "rows=12", *overrides])


def desk(folder: Path, *overrides: str) -> DeskCommand:
    """The command as it is composed; composing takes most of such a test's time, so places are set afterwards."""
    places = dict(one.split("=", 1) for one in overrides if one.startswith("desk.file="))
    command = deepcopy(composed(tuple(one for one in overrides if not one.startswith("desk.file="))))
    command.store.path = str(folder / "s.duckdb")
    command.desk.file = places.get("desk.file", str(folder / "sheet.csv"))
    return command


def read(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8-sig"), newline="")))


def fill(source: Path, target: Path, person: str, answers: dict[str, dict[str, str]], **format: Any) -> None:
    """A copy of the sheet in which `person` has answered some items."""
    rows = read(source)
    with target.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), **format)
        writer.writeheader()
        for one in rows:
            if one["item"] in answers:
                one |= {"annotator": person, **answers[one["item"]]}
            writer.writerow(one)


def items(path: Path) -> list[str]:
    return [one["item"] for one in read(path)]


def test_out_and_back(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    push(desk(work, "overlap=2"))
    sheet = work / "sheet.csv"
    first, second, third, fourth, *_ = names = items(sheet)
    assert len(names) == 12
    better = '=HYPERLINK("x"), "quoted"\nand a second line; ask bob@example.com'
    one = {first: {"fate": "drop"}, second: {"fate": "fix", "fixed": better}, third: {"fate": "keep"}}
    two = {
        first: {"fate": "drop"},
        second: {"fate": "fix"},
        third: {"fate": "drop"},
        fourth: {"fate": "drop"},
    }
    fill(sheet, work / "ann.csv", "Ann", one)
    fill(sheet, work / "ben.csv", "Ben", two, delimiter=";")
    pull(desk(work, f"desk.file={work}/???.csv", "dataset=keep-sample"))
    with Store.open(work / "s.duckdb") as store:
        last = store.version("latest")
        assert last.stage == "desk" and last.dropped == 1 and last.rows == 39
        said = {r["record_id"]: r for r in store.verdicts(last.version).to_dicts()}
        assert {name: said[name]["reason"] for name in said} == {
            first: "desk_dropped", second: "desk_rewritten", third: "desk_disputed",
        }  # fmt: skip
        assert "drop by annotator-1, annotator-2" in story(store, first).events[-1].why
        written = store.read("latest").frame("record_id", "answer").filter(record_id=second).collect()
        assert written["answer"].item() == better.replace("bob@example.com", "<EMAIL_ADDRESS>")
    everything = (work / "s.duckdb").read_bytes()
    assert b"Ann" not in everything and b"ann:" not in everything, "nobody's name is stored"
    assert (work / "s.duckdb.annotators.key").stat().st_mode & 0o077 == 0
    assert "5 items" not in capsys.readouterr().out


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


def test_bad_rows_are_named_and_nothing_is_taken_over(work: Path) -> None:
    push(desk(work))
    first, second, third, *_ = items(work / "sheet.csv")
    fill(
        work / "sheet.csv", work / "a.csv", "ann",
        {first: {"fate": "keep"}, second: {"fate": "perhaps"}, third: {"fate": "", "fixed": "text"}},
    )  # fmt: skip
    with pytest.raises(UserError) as caught:
        pull(desk(work, f"desk.file={work}/a.csv"))
    said = str(caught.value)
    assert "2 rows cannot be used" in said
    assert (
        "a.csv line " in said
        and "'perhaps'" in said
        and "keep, fix, drop" in said
        and "fate is empty" in said
    )
    lines = (work / "a.csv").read_text(encoding="utf-8-sig").splitlines()
    number = int(said.partition("a.csv line ")[2].partition(":")[0])
    assert any(name in lines[number - 1] for name in (second, third))
    with Store.open(work / "s.duckdb") as store:
        assert store.history_of("keep-sample").is_empty() and store.version("latest").stage == "split"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("nonsense", "has no column item"),
        ("item,annotator\nx,ann\n", "has no column fate"),
        ("item,annotator,fate,fixed\nnobody,ann,keep,\n", "no item 'nobody' was pushed"),
    ],
)
def test_files_that_are_none_of_ours(work: Path, text: str, says: str) -> None:
    push(desk(work))
    (work / "b.csv").write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=says):
        pull(desk(work, f"desk.file={work}/b.csv"))
    (work / "c.csv").write_bytes("item,annotator\nä".encode("latin-1"))
    with pytest.raises(UserError, match="is not UTF-8"):
        pull(desk(work, f"desk.file={work}/c.csv"))
    with pytest.raises(UserError, match="there is no file"):
        pull(desk(work, f"desk.file={work}/nowhere.csv"))


def test_which_files_answer_which_dataset(work: Path) -> None:
    with pytest.raises(UserError, match="nothing was pushed"):
        pull(desk(work))
    push(desk(work))
    command = desk(work)
    command.desk.file = ""
    with pytest.raises(UserError, match=r"was written to a file[\s\S]*desk.file="):
        pull(command)
    push(desk(work, f"desk.file={work}/more.csv", "dataset=more"))
    with pytest.raises(UserError, match=r"which dataset[\s\S]*dataset=keep-sample or dataset=more"):
        pull(desk(work))
    nowhere = desk(work)
    nowhere.store.path = str(work / "nowhere.duckdb")
    for verb in (push, pull, agreement, adjudicate):
        with pytest.raises(StoreError, match="no store at"):
            verb(nowhere)
    assert not (work / "nowhere.duckdb").exists()


def test_a_sheet_with_answers_is_never_written_over(work: Path) -> None:
    push(desk(work))
    with pytest.raises(UserError, match="exists already"):
        push(desk(work))


def test_a_text_that_was_edited_in_the_sheet_is_stale(work: Path) -> None:
    push(desk(work))
    rows = read(work / "sheet.csv")
    fill(work / "sheet.csv", work / "a.csv", "ann", {one["item"]: {"fate": "drop"} for one in rows[:2]})
    text = (work / "a.csv").read_text(encoding="utf-8-sig")
    (work / "a.csv").write_text(text.replace(rows[0]["answer"], "Another text."), encoding="utf-8")
    pull(desk(work, f"desk.file={work}/a.csv"))
    with Store.open(work / "s.duckdb") as store:
        assert store.answers_of("keep-sample").filter(stale=True)["item"].to_list() == [rows[0]["item"]]
        assert store.present(store.resolve("latest"), [rows[0]["item"]]) and not store.present(
            store.resolve("latest"), [rows[1]["item"]]
        )


def test_json_lines_and_every_kind_of_answer(work: Path) -> None:
    ask = (
        "questions.ask={good: {kind: rating}, faults: {kind: multi_label_selection, labels: [wrong, long]}, "
        "order: {kind: ranking, labels: [x, y, z]}, note: {kind: text, required: false}}"
    )
    asked = ["questions=own", ask, "dataset=all"]
    push(desk(work, *asked, f"desk.file={work}/all.jsonl"))
    first, second, *rest = [json.loads(line) for line in (work / "all.jsonl").read_text().splitlines()]
    order = [{"value": "y", "rank": 1}, {"value": "x", "rank": 2}, {"value": "z", "rank": 2}]
    first |= {"annotator": "ann", "answers": {"good": 4, "faults": ["long"], "order": order}}
    second |= {
        "annotator": "ann",
        "answers": {"good": "5", "faults": "wrong; long", "order": "y > x = z", "note": "ü"},
    }
    text = "".join(json.dumps(one) + "\n" for one in (first, second, *rest))
    (work / "all.jsonl").write_text(text, encoding="utf-8")
    pull(desk(work, f"desk.file={work}/all.jsonl", "dataset=all"))
    with Store.open(work / "s.duckdb") as store:
        values = {r["item"]: json.loads(r["answers"]) for r in store.answers_of("all").to_dicts()}
    assert values[first["item"]]["order"] == order
    assert values[second["item"]] == {"good": 5, "faults": ["wrong", "long"], "order": order, "note": "ü"}
    (work / "all.jsonl").write_text(text + "{broken\n", encoding="utf-8")
    with pytest.raises(UserError, match="1 rows cannot be used") as caught:
        pull(desk(work, f"desk.file={work}/all.jsonl", "dataset=all"))
    assert "all.jsonl line 13: no JSON object" in str(caught.value)


def test_marks_in_a_sheet(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """People mark what the stage left, on the scrubbed version; the marks become placeholders."""
    push(desk(work, "questions=spans", "rows=40", "leak_bound=0.1"))
    first, second, *rest = read(work / "sheet.csv")
    words = first["text"].split()[4:6]
    marks = {first["item"]: {"personal": f"PERSON: {' '.join(words)}", "checked": "yes"}}
    marks |= {one["item"]: {"personal": "", "checked": "yes"} for one in (second, *rest)}
    fill(work / "sheet.csv", work / "a.csv", "ann", marks)
    pull(desk(work, f"desk.file={work}/a.csv"))
    with Store.open(work / "s.duckdb") as store:
        said = store.verdicts("latest").filter(reason="desk_masked").to_dicts()
        assert [one["record_id"] for one in said] == [first["item"]]
        assert said[0]["detail"].startswith("PERSON x")
        text = store.read("latest").frame("record_id", "text").filter(record_id=first["item"]).collect()
        assert "<PERSON>" in text["text"].item() and " ".join(words) not in text["text"].item()
        leaks = store.facts(name="desk_leaks").to_dicts()[0]
        assert (leaks["value"], leaks["n"]) == (1 / 40, 40)
    assert "29 records drawn by chance" in capsys.readouterr().out
    fill(
        work / "sheet.csv",
        work / "a.csv",
        "ann",
        {first["item"]: {"personal": "PERSON: Zoe Secret", "checked": "yes"}},
    )
    with pytest.raises(UserError) as caught:
        pull(desk(work, f"desk.file={work}/a.csv"))
    assert "Zoe" not in str(caught.value), "a mark may be personal data"


def test_personal_data_is_shown_only_for_its_own_task(work: Path) -> None:
    curate(work, "pii=off")
    with pytest.raises(StoreError, match="was not scrubbed of personal data"):
        push(desk(work))
    push(desk(work, "allow_unscrubbed=true"))
    assert any("jane@example.com" in one["answer"] for one in read(work / "sheet.csv")) in (True, False)


def test_spans_to_confirm_are_of_the_text_before_the_pii_stage(
    work: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    push(desk(work, "questions=spans", "select=pii", "rows=8"))
    said = capsys.readouterr().out
    assert "These texts hold personal data" in said
    rows = read(work / "sheet.csv")
    mine = next(one for one in rows if "jane@example.com" in one["text"])
    assert (
        mine["suggested_personal"] == "EMAIL_ADDRESS: jane@example.com" and mine["why"] == "EMAIL_ADDRESS x1"
    )
    missed = mine["text"].split()[4]
    marks = {one["item"]: {"personal": one["suggested_personal"], "checked": "yes"} for one in rows}
    marks[mine["item"]]["personal"] += f"; PERSON: {missed}"
    fill(work / "sheet.csv", work / "a.csv", "ann", marks)
    pull(desk(work, f"desk.file={work}/a.csv"))
    with Store.open(work / "s.duckdb") as store:
        stages = [version.stage for version in store.lineage("latest")]
        assert stages.index("desk") < stages.index("pii") < stages.index("split"), "masked before the stage"
        text = (
            store.read("latest")
            .frame("record_id", "text")
            .filter(record_id=mine["item"])
            .collect()["text"]
            .item()
        )
        assert "<EMAIL_ADDRESS>" in text and "<PERSON>" in text and "jane" not in text
        recall = store.facts(name="desk_pii_recall").to_dicts()[0]
        assert 0 < recall["value"] < 1 and store.facts(name="desk_pii_precision")["value"].item() == 1
        before = store.version("latest").version
        assert store.query("SELECT count(*) AS n FROM facts WHERE detail LIKE '%jane%'")["n"].item() == 0
    assert curate(work) == before, "and so does the next curation"


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
    assert "alpha, nominal" in said and "annotator-2" in said
    with Store.open(work / "s.duckdb") as store:
        facts = {(f["name"], f["slice"].split("|")[-1]): f for f in store.facts().to_dicts()}
        assert 0.6 < facts["desk_alpha", "nominal"]["value"] < 1
        assert (
            facts["desk_gold", "annotator-1"]["value"] == 1
            and facts["desk_gold", "annotator-2"]["value"] == 0
        )
        assert facts["desk_kappa", "annotator-1 and annotator-2"]["n"] == 40
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


@pytest.mark.parametrize(
    ("overrides", "says"),
    [
        (["select=strata"], "needs columns"),
        (["select=uncertain"], "needs a column"),
        (["select=border"], "finds no record"),
        (["questions=preference", "select=sample"], "compares two answers"),
        (["questions=preference"], "no evaluation yet|has no evaluation"),
        (["dataset=no good"], "is no name for Argilla"),
        (["rows=0"], "rows=0"),
        (["questions.ask.fate.kind=rating"], "does not go with"),
        (["+questions.ask.more={kindd: text}"], "no such key: questions.ask.more.kindd"),
        (["gold=/nowhere/gold.jsonl"], "No such file"),
    ],
)
def test_mistakes(work: Path, overrides: list[str], says: str) -> None:
    wanted = list(overrides)
    with pytest.raises((UserError, ConfigError, FileNotFoundError), match=says):
        command = desk(work, *wanted)
        if "questions=preference" in wanted and len(wanted) == 1:
            command.select = None
        push(command)


def test_strata_and_uncertain(work: Path) -> None:
    push(desk(work, "select=strata", "stratify_by=[audience]", "rows=10"))
    whys = [one["why"] for one in read(work / "sheet.csv")]
    assert whys.count("audience=younger") == whys.count("audience=older") == 5
    push(
        desk(
            work,
            "select=uncertain",
            "confidence=sure",
            "rows=3",
            f"desk.file={work}/least.csv",
            "dataset=least",
        )
    )
    assert [one["why"] for one in read(work / "least.csv")] == ["sure 0", "sure 0.025", "sure 0.05"]


def test_the_doubtful_border_of_dedup_and_quality(work: Path) -> None:
    """One near-duplicate below the threshold (kept), one above it (removed), and one record that quality noted."""
    below, above, noted = row(1), row(2), row(3)
    words = below["completion"].split(" ")
    below["completion"] = " ".join([*words[:-4], "quite", "other", *words[-2:]])
    above["completion"] = above["completion"][:-1] + " indeed."
    above["audience"] = "jane@example.com"
    noted["completion"] = " ".join(noted["completion"].split(" ")[:-1]) + " and then the"
    source(work, [*(row(n) for n in range(20) if n != 3), below, above, noted])
    curate(work, "dedup.store_from=0.5")
    push(desk(work, "select=border", "rows=10"))
    rows = read(work / "sheet.csv")
    kept = next(one for one in rows if one["why"].startswith("kept"))
    removed = next(one for one in rows if one["why"].startswith("removed"))
    assert (kept["suggested_fate"], removed["suggested_fate"]) == ("keep", "drop")
    for one in (kept, removed):
        assert one["similar"].partition("[assistant]")[2].split()[:20] == one["answer"].split()[:20]
        assert one["similar"] != one["answer"]
    assert len(rows) == 3 and any(one["why"] == "quality_cut_off" for one in rows)
    with Store.open(work / "s.duckdb") as store:
        before = store.version("latest")
        assert not store.present(before.version, [removed["item"]])
    fill(
        work / "sheet.csv", work / "a.csv", "ann",
        {removed["item"]: {"fate": "keep"}, kept["item"]: {"fate": "drop"}},
    )  # fmt: skip
    pull(desk(work, f"desk.file={work}/a.csv"))
    with Store.open(work / "s.duckdb") as store:
        after = store.version("latest")
        assert store.present(after.version, [removed["item"], kept["item"]]) == {removed["item"]}
        assert after.rows == before.rows
        told = [f"{event.stage} {event.what} {event.why}" for event in story(store, removed["item"]).events]
        assert any(
            "undo brought back" in one and "on the labelling desk: keep by annotator-1" in one for one in told
        )
        assert (
            store.read("latest")
            .frame("record_id", "split")
            .filter(record_id=removed["item"])
            .collect()["split"][0]
        )
    assert curate(work, "dedup.store_from=0.5") == after.version, "it stays back"
    pull(desk(work, f"desk.file={work}/a.csv"))
    with Store.open(work / "s.duckdb") as store:
        assert store.version("latest").version == after.version, "pulling again changes nothing"


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


def test_classes_are_those_of_the_version(work: Path) -> None:
    rows = [{"text": f"{row(n)['completion']}", "label": ("ham", "spam")[n % 2]} for n in range(12)]
    source(work, rows)
    curate(work, "quality=off")
    push(desk(work, "questions=label"))
    first, second, *_ = rows = read(work / "sheet.csv")
    assert {one["suggested_label"] for one in rows} == {"ham", "spam"}
    other = {"ham": "spam", "spam": "ham"}[second["suggested_label"]]
    said = {first["item"]: {"label": first["suggested_label"]}, second["item"]: {"label": other}}
    fill(work / "sheet.csv", work / "a.csv", "ann", said)
    pull(desk(work, f"desk.file={work}/a.csv"))
    with Store.open(work / "s.duckdb") as store:
        reasons = {r["record_id"]: (r["reason"], r["value"]) for r in store.verdicts("latest").to_dicts()}
    assert reasons[first["item"]] == ("desk_confirmed", first["suggested_label"])
    assert reasons[second["item"]] == ("desk_relabelled", other)
    fill(work / "sheet.csv", work / "a.csv", "ann", {first["item"]: {"label": "eggs"}})
    with pytest.raises(UserError, match="ham, spam"):
        pull(desk(work, f"desk.file={work}/a.csv"))
