"""The desk without a server: out to a spreadsheet and back; bad rows by line, nothing lost."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from curation.desk.adjudicate import adjudicate
from curation.desk.agreement import agreement
from curation.desk.pull import pull
from curation.desk.push import push
from data.errors import StoreError, UserError
from data.lineage import story
from data.store import Store

from .sheets import copied, curate, curated_folder, desk, fill, items, read, source


@pytest.fixture(scope="module")
def curated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """See `curated_folder`."""
    return curated_folder(tmp_path_factory.mktemp("curated"))


@pytest.fixture
def work(curated: Path, tmp_path: Path) -> Path:
    """A copy of the folder of its own."""
    return copied(curated, tmp_path)


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
        ('item,annotator,fate,fixed\n1,,,\n2,ann,keep,"never closed\n3,ann,drop,\n', "b.csv line 3: no CSV"),
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


def test_long_texts_odd_line_ends_and_apostrophes_come_back(work: Path) -> None:
    """What csv and JSON Lines take for the end of a field or of a line, and what a spreadsheet hides."""
    long = " ".join(str(n) for n in range(30_000))
    csv.field_size_limit(131_072)  # Python's own; other tests may have raised it
    assert len(long) > csv.field_size_limit()
    odd = ["It ends\u2028here,\x85here, and\x0bhere.", f"{long}.", "'Twas so.", "=1+1 is two, + more."]
    rows = [{"prompt": f"What now, for the {n}?", "completion": odd[n % 4]} for n in range(4)]
    source(work, rows)
    curate(work, "quality=off", "dedup=off", "exact=off")
    push(desk(work))
    csv.field_size_limit(10**7)
    answers = {
        one["item"]: {"fate": "fix", "fixed": "'Twas said better."} for one in read(work / "sheet.csv")
    }
    fill(work / "sheet.csv", work / "a.csv", "ann", answers)
    csv.field_size_limit(131_072)
    pull(desk(work, f"desk.file={work}/a.csv"))
    push(desk(work, f"desk.file={work}/all.jsonl", "dataset=lines"))
    lines = [json.loads(line) for line in (work / "all.jsonl").read_text("utf-8").split("\n") if line]
    answered = [{**one, "annotator": "ann", "answers": {"fate": "keep"}} for one in lines]
    text = "\n".join(json.dumps(one, ensure_ascii=False) for one in answered)
    (work / "b.jsonl").write_text(text, encoding="utf-8")
    pull(desk(work, f"desk.file={work}/b.jsonl", "dataset=lines"))
    with Store.open(work / "s.duckdb") as store:
        sheet, jsonl = store.answers_of("keep-sample"), store.answers_of("lines")
    assert sheet.height == jsonl.height == 4 and not any([*sheet["stale"], *jsonl["stale"]])
    assert {json.loads(one)["fixed"] for one in sheet["answers"]} == {"'Twas said better."}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("order", [1, 2, 3]),
        ("order", ["x", "y", "z"]),
        ("order", [{"value": "x"}, {"value": "y"}, {"value": "z"}]),
        ("order", [{"value": "x", "rank": "1"}, {"value": "y", "rank": 2}, {"value": "z", "rank": 3}]),
        ("faults", [["wrong"]]),
        ("faults", ["wrong", "wrong"]),
        ("marks", [{"label": "PERSON"}]),
        ("marks", [{"label": "PERSON", "start": "0", "end": 4}]),
        ("good", True),
        ("good", 3.5),
        ("fields", "a text"),
    ],
)
def test_json_lines_that_somebody_wrote_by_hand(work: Path, name: str, value: object) -> None:
    ask = (
        "questions.ask={good: {kind: rating}, faults: {kind: multi_label_selection, labels: [wrong, long]}, "
        "order: {kind: ranking, labels: [x, y, z]}, marks: {kind: span, labels: [PERSON, PLACE]}}"
    )
    asked = ["questions=own", "questions.layout=text", ask, "dataset=all"]
    push(desk(work, *asked, f"desk.file={work}/all.jsonl"))
    row = json.loads((work / "all.jsonl").read_text("utf-8").partition("\n")[0])
    order = [{"value": "y", "rank": 1}, {"value": "x", "rank": 2}, {"value": "z", "rank": 2}]
    answers = {
        "good": 4,
        "faults": ["long"],
        "order": order,
        "marks": [{"label": "PERSON", "start": 0, "end": 4}],
    }
    row |= {"annotator": "ann", "answers": answers}
    (row if name == "fields" else answers)[name] = value
    (work / "a.jsonl").write_text(json.dumps(row), encoding="utf-8")
    with pytest.raises(UserError, match=f"a.jsonl line 1: (no JSON|{name}: )"):
        pull(desk(work, f"desk.file={work}/a.jsonl", "dataset=all"))
