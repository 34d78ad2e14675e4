"""Every format and shape of raw data, and every reason to reject a row."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from data.errors import ConfigError, SourceError
from data.load import Loader, left_out
from data.load.config import FieldNames, Format, Shape, SourceConfig
from data.load.formats import REJECT_REASONS
from data.load.mail import mail_text

GOOD = {"prompt": "What is two and two?", "completion": "Four."}


def load(path: Path | str, **settings: Any) -> tuple[pl.DataFrame, Loader]:
    settings.setdefault("max_reject_fraction", 1.0)
    loader = Loader(SourceConfig(path=str(path), **settings))
    frames = [records for records, _ in loader]
    return pl.concat(frames), loader


def write(path: Path, *rows: Any) -> Path:
    path.write_text(
        "".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows), "utf-8"
    )
    return path


def roles(frame: pl.DataFrame, row: int = 0) -> list[tuple[str, str]]:
    return [(m["role"], m["content"]) for m in frame["messages"][row].to_list()]


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (GOOD, [("user", "What is two and two?"), ("assistant", "Four.")]),
        ({"instruction": "Add", "input": "2 2", "output": "4"}, [("user", "Add\n\n2 2"), ("assistant", "4")]),
        ({"instruction": "Add", "input": "", "response": "4"}, [("user", "Add"), ("assistant", "4")]),
        ({"question": "Q", "context": "C", "answer": "A"}, [("user", "C\n\nQ"), ("assistant", "A")]),
        ({"source": "Hallo", "target": "Hello"}, [("user", "Hallo"), ("assistant", "Hello")]),
        ({"text": "a document"}, [("document", "a document")]),
        ({"text": "win cash", "label": 1}, [("user", "win cash")]),
        ({"messages": [{"role": "system", "content": "S"}, {"role": "user", "content": "U"},
                       {"role": "assistant", "content": "A"}, {"role": "user", "content": "U2"},
                       {"role": "assistant", "content": "A2"}]},
         [("system", "S"), ("user", "U"), ("assistant", "A"), ("user", "U2"), ("assistant", "A2")]),
        ({"conversations": [{"from": "human", "value": "U"}, {"from": "function_call", "value": "{}"},
                            {"from": "observation", "value": "[]"}, {"from": "gpt", "value": "A"}], "system": "S"},
         [("system", "S"), ("user", "U"), ("tool_call", "{}"), ("tool", "[]"), ("assistant", "A")]),
        ({"prompt": [{"role": "user", "content": "U"}], "completion": [{"role": "assistant", "content": "A"}]},
         [("user", "U"), ("assistant", "A")]),
        ({"messages": [{"role": "user", "content": [{"type": "text", "text": "U"}]},
                       {"role": "assistant", "content": None, "tool_calls": [{"name": "f"}]}]},
         [("user", "U"), ("tool_call", '{"name": "f"}')]),
    ],
)  # fmt: skip
def test_shapes_are_recognised(tmp_path: Path, row: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    frame, _ = load(write(tmp_path / "rows.jsonl", row))
    assert roles(frame) == expected


def test_columns_about_the_record_are_kept(tmp_path: Path) -> None:
    row = {
        **GOOD,
        "source": "crm",
        "license": "MIT",
        "lang": "en",
        "date": "2026-01-01",
        "audience": "60+",
        "n": {"a": 1},
    }
    frame, _ = load(write(tmp_path / "rows.jsonl", row))
    assert frame.select("source", "licence", "language", "timestamp").row(0) == (
        "crm",
        "MIT",
        "en",
        "2026-01-01",
    )
    assert json.loads(frame["metadata"][0]) == {"audience": "60+", "n": {"a": 1}}
    plain, _ = load(write(tmp_path / "plain.jsonl", GOOD), licence="CC0-1.0")
    assert plain.select("source", "licence").row(0) == ("plain", "CC0-1.0")


def test_formats_give_the_same_records(tmp_path: Path) -> None:
    rows = [{"prompt": f"Question {n}, ö?", "completion": f"Answer\n{n}"} for n in range(3)]
    write(tmp_path / "rows.jsonl", *rows)
    (tmp_path / "rows.json").write_text(json.dumps(rows))
    (tmp_path / "wrapped.json").write_text(json.dumps({"version": 1, "data": rows}))
    pl.DataFrame(rows).write_csv(tmp_path / "rows.csv")
    pl.DataFrame(rows).write_csv(tmp_path / "rows.tsv", separator="\t")
    pl.DataFrame(rows).write_csv(tmp_path / "semicolon.csv", separator=";")
    pl.DataFrame(rows).write_parquet(tmp_path / "rows.parquet")
    with gzip.open(tmp_path / "rows.jsonl.gz", "wb") as file:
        file.write((tmp_path / "rows.jsonl").read_bytes())
    # A byte order mark and Windows line ends.
    (tmp_path / "bom.jsonl").write_bytes(
        b"\xef\xbb\xbf" + (tmp_path / "rows.jsonl").read_bytes().replace(b"\n", b"\r\n")
    )
    (tmp_path / "bom.csv").write_bytes(b"\xef\xbb\xbf" + (tmp_path / "rows.csv").read_bytes())
    frames = {path.name: load(path, name="same")[0].drop("file", "line") for path in tmp_path.iterdir()}
    assert len(frames) == 10
    for name, frame in frames.items():
        assert frame.equals(frames["rows.jsonl"]), name


def test_a_table_without_a_header_gets_its_names(tmp_path: Path) -> None:
    write(tmp_path / "sms.tsv", 'ham\tsaid "hello', "spam\twin")
    frame, _ = load(tmp_path / "sms.tsv", column_names=["label", "text"], quoting=False)
    assert frame["label"].to_list() == ["ham", "spam"]
    assert roles(frame) == [("user", 'said "hello')]


def test_fields_reach_into_nested_rows_and_fill_templates(tmp_path: Path) -> None:
    row = {"q": {"text": "Why?"}, "steps": [{"out": "Because"}], "final": 4}
    fields = FieldNames(prompt="q.text", answer="{steps.0.out}: {final}")
    frame, _ = load(write(tmp_path / "rows.jsonl", row), fields=fields)
    assert roles(frame) == [("user", "Why?"), ("assistant", "Because: 4")]


BAD_ROWS: dict[str, Any] = {
    "broken_json": '{"prompt": "a", ',
    "not_an_object": "[1, 2]",
    "missing_field": {"prompt": "no answer here"},
    "wrong_type": {"prompt": "a", "completion": {"x": 1}},
    "empty_prompt": {"prompt": "  ", "completion": "b"},
    "empty_answer": {"prompt": "a", "completion": " \n"},
    "too_long": {"prompt": "a", "completion": "b" * 2000},
}


@pytest.mark.parametrize("reason", BAD_ROWS)
def test_a_bad_row_is_rejected_with_its_line_and_reason(tmp_path: Path, reason: str) -> None:
    path = write(tmp_path / "rows.jsonl", GOOD, BAD_ROWS[reason], {**GOOD, "prompt": "Another?"})
    frame, loader = load(path, max_row_chars=1000)
    assert frame.height == 2
    assert [(r["line"], r["reason"]) for r in loader.reject_list] == [(2, reason)]
    assert loader.files()[0]["rejected"] == 1


def test_messages_and_encodings_that_cannot_be_used(tmp_path: Path) -> None:
    good = {"messages": [{"role": "user", "content": "U"}, {"role": "assistant", "content": "A"}]}
    path = write(
        tmp_path / "rows.jsonl", good, {"messages": [{"role": "wizard", "content": "U"}]}, {"messages": "x"}
    )
    surrogate = [{"role": "user", "content": "\ud800"}, {"role": "assistant", "content": "a"}]
    lines = [b'{"messages": "\xff\xfe"}', json.dumps({"messages": surrogate}).encode()]
    path.write_bytes(path.read_bytes() + b"\n".join(lines))
    _, loader = load(path)
    assert [r["reason"] for r in loader.reject_list] == [
        "bad_messages",
        "wrong_type",
        "bad_encoding",
        "bad_encoding",
    ]
    csv = tmp_path / "rows.csv"
    csv.write_bytes(b"prompt,completion\nq,a\nq,\xff\nq,a,extra\n")
    _, loader = load(csv)
    assert [(r["line"], r["reason"]) for r in loader.reject_list] == [
        (3, "bad_encoding"),
        (4, "wrong_columns"),
    ]
    assert {r["reason"] for r in loader.reject_list} <= set(REJECT_REASONS)


def test_a_folder_gives_its_data_files_and_says_what_it_left_out(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    write(tmp_path / "a.jsonl", GOOD)
    write(tmp_path / "deep" / "b.jsonl", {**GOOD, "prompt": "Another?"})
    (tmp_path / "LICENSE").write_text("Do what is right.")
    frame, loader = load(tmp_path)
    assert frame.height == 2
    assert [Path(name).name for name in loader.read] == ["a.jsonl", "b.jsonl"]
    assert [path.name for path in left_out(loader.config)] == ["LICENSE"]
    (tmp_path / "none").mkdir()
    (tmp_path / "none" / "notes.txt").write_text("x")
    with pytest.raises(SourceError, match=r"no data file, but notes\.txt"):
        load(tmp_path / "none")


def test_too_many_bad_rows_stop_with_their_reasons(tmp_path: Path) -> None:
    path = write(tmp_path / "rows.jsonl", GOOD, "{", GOOD)
    with pytest.raises(
        SourceError, match=r"1 of 3 rows cannot be used \(33.3%, allowed 1.0%\): broken_json x1"
    ) as caught:
        load(path, max_reject_fraction=0.01)
    assert "line 2" in str(caught.value)
    assert "point to the mapping" in str(caught.value)
    few = write(tmp_path / "few.jsonl", *[GOOD] * 30, "{")
    with pytest.raises(SourceError, match=r"source\.max_reject_fraction=0\.04$"):
        load(few, max_reject_fraction=0.01)
    load(few, max_reject_fraction=0.04)


def test_another_encoding_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "latin.jsonl"
    rows = [json.dumps({**GOOD, "prompt": f"Où {n}?"}, ensure_ascii=False) for n in range(9)]
    path.write_bytes("\n".join(rows).encode("latin-1"))
    with pytest.raises(SourceError, match=r"source\.encoding=latin-1"):
        load(path)
    frame, _ = load(path, encoding="latin-1")
    assert frame.height == 9


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    cases = {
        "empty.jsonl": (b"", "is empty"),
        "binary.jsonl": (b"\x00\x01\x02" * 100, "a binary file"),
        "picture.png": (b"\x89PNG", "cannot tell the format"),
        "fake.parquet": (b"no parquet", "not a Parquet file"),
        "fake.jsonl.gz": (b"no gzip", "cannot be read"),
        "broken.json": (b'[{"a": 1},', "not valid JSON"),
        "odd.jsonl": (b'{"zip": 1, "zap": 2}\n', "its columns are zap, zip"),
        "twice.csv": (b"a,a\n1,2\n", "two columns have the same name"),
    }
    for name, (content, message) in cases.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(SourceError, match=message):
            load(tmp_path / name)
    with pytest.raises(SourceError, match="no such file") as caught:
        load(tmp_path / "absent.jsonl")
    assert "empty.jsonl" in str(caught.value)
    path = write(tmp_path / "rows.jsonl", GOOD)
    with pytest.raises(SourceError, match="no column 'promt'") as caught:
        load(path, fields=FieldNames(prompt="promt"))
    assert "did you mean 'prompt'" in str(caught.value)
    with pytest.raises(ConfigError, match="outside 0 to 1"):
        SourceConfig(path="x", max_reject_fraction=2)


def test_ids_do_not_depend_on_the_order_and_tell_equal_rows_apart(tmp_path: Path) -> None:
    rows = [{"prompt": f"q{n}", "completion": "a"} for n in (1, 2, 1)]
    there, _ = load(write(tmp_path / "there.jsonl", *rows), name="same")
    back, _ = load(write(tmp_path / "back.jsonl", *rows[::-1]), name="same")
    assert there["record_id"].n_unique() == 3
    assert set(there["record_id"]) == set(back["record_id"])
    assert there["text_hash"].n_unique() == 2


def test_a_mail_becomes_its_subject_and_body() -> None:
    plain = "Received: from a\nSubject: =?utf-8?q?Caf=C3=A9?=\n\nHello\n\n\n\nyou"
    assert mail_text(plain) == "Subject: Café\n\nHello\n\nyou"
    markup = "Subject: S\nContent-Type: text/html\n\n<style>x</style><p>One &amp; two</p>"
    assert mail_text(markup) == "Subject: S\n\nOne & two"
    odd = "Subject: S\nContent-Type: text/plain; charset=no-such\n\nbody"
    assert "body" in mail_text(odd)


@pytest.mark.shared_data
def test_real_sets(shared_data: Path) -> None:
    expected = {
        "sft_gpteacher/Roleplay/*.json": (1923, {}),
        "sft_llamafactory_demo/glaive_toolcall_en_demo.json": (300, {}),
        "support_banking77/banking_data/*.csv": (13083, {}),
        "mail_spamassassin/*.gz": (1900, {"shape": Shape.mail}),
        "dup_sms_spam/sms.tsv": (5574, {"column_names": ["label", "text"], "quoting": False}),
    }
    for pattern, (count, settings) in expected.items():
        frame, loader = load(str(shared_data / pattern), **settings)
        assert (frame.height, sum(loader.rejected.values())) == (count, 0), pattern


def test_the_hub_library_reads_a_local_folder_and_a_missing_set_is_plain(tmp_path: Path) -> None:
    folder = tmp_path / "set"
    folder.mkdir()
    write(folder / "train.jsonl", GOOD, {**GOOD, "prompt": "Another?"})
    frame, loader = load(folder, format=Format.hub)
    assert frame.height == 2
    assert loader.files()[0]["rows"] == 2
    with pytest.raises(SourceError, match=r"source\.path=nobody/nothing: the data set cannot be loaded"):
        load("nobody/nothing", format=Format.hub)
