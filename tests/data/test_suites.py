"""Evaluation items from every kind of file, and what is said when they cannot be read."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from data.errors import SourceError
from data.suites import asked_columns, files, items, load_task

ROWS = [
    {"id": 7, "question": "How much is 2 + 2?", "answer": "4"},
    {"id": 8, "question": "Why?", "answer": "So."},
]
JSON_LINES = "\n".join(json.dumps(row) for row in ROWS)

WRITERS: dict[str, Callable[[Path], object]] = {
    "quiz.jsonl": lambda p: p.write_text(JSON_LINES + "\n\n"),
    "quiz.json": lambda p: p.write_text(json.dumps(ROWS, indent=2)),
    "quiz.jsonl.gz": lambda p: p.write_bytes(gzip.compress(JSON_LINES.encode())),
    "quiz.csv": lambda p: p.write_bytes(b"\xef\xbb\xbf" + pl.DataFrame(ROWS).write_csv().encode()),
    "quiz.tsv": lambda p: p.write_text("id\tquestion\tanswer\n7\tHow much is 2 + 2?\t4\n8\tWhy?\tSo.\n"),
    "quiz.parquet": lambda p: pl.DataFrame(ROWS).write_parquet(p),
}


@pytest.mark.parametrize("name", WRITERS)
def test_every_kind_gives_the_same_items(tmp_path: Path, name: str) -> None:
    WRITERS[name](tmp_path / name)
    assert items(tmp_path / name).rows() == [("quiz", 0, "How much is 2 + 2?"), ("quiz", 1, "Why?")]


def test_several_columns_give_a_row_each(tmp_path: Path) -> None:
    WRITERS["quiz.csv"](tmp_path / "quiz.csv")
    found = items(tmp_path / "quiz.csv", ["question", "answer"])
    assert found.rows()[:2] == [("quiz", 0, "How much is 2 + 2?"), ("quiz", 0, "4")]


def test_a_file_without_a_header_takes_positions_and_keeps_quotes(tmp_path: Path) -> None:
    (tmp_path / "claims.tsv").write_text('"Bolts float."\tno\n"Ice floats."\tyes\n')
    assert items(tmp_path / "claims.tsv", ["1"])["text"].to_list() == ['"Bolts float."', '"Ice floats."']


def test_case_lists_and_empty_cells(tmp_path: Path) -> None:
    rows = [
        {"Source": "https://a.example", "Question": ["Pick one:", "a", "b"]},
        {"Question": None},
        {"Question": " "},
    ]
    (tmp_path / "q.json").write_text(json.dumps(rows))
    assert items(tmp_path / "q.json").rows() == [("q", 0, "Pick one:\na\nb")]


def test_chat_items_give_their_contents(tmp_path: Path) -> None:
    row = {"messages": [{"role": "user", "content": "Hello?"}, {"role": "assistant", "content": "Yes."}]}
    (tmp_path / "chat.jsonl").write_text(json.dumps(row))
    assert items(tmp_path / "chat.jsonl")["text"].to_list() == ["Hello?\nYes."]


@pytest.mark.parametrize(
    ("name", "content", "columns", "said"),
    [
        ("none.jsonl", None, None, "no such evaluation file"),
        ("empty.jsonl", "\n", None, "is empty"),
        ("bad.jsonl", '{"question": "a"}\n{"question": ', None, "line 2: the line is not valid JSON"),
        ("odd.xlsx", "x", None, "unknown kind '.xlsx'"),
        ("quiz.csv", "question,answer\na,b\n", ["questoin"], "did you mean 'question'?"),
        ("quiz.csv", "question,answer\na,b\n", ["questoin"], "it has: question, answer"),
        ("sms.tsv", "ham\tGo until jurong point, crazy..\nspam\tWin.\n", None, 'columns=["1"]'),
        ("blank.csv", "question\n \n", None, "no evaluation items"),
        ("bytes.jsonl", b"\xff\xfe\x00", None, "not valid text"),
        ("broken.parquet", "no parquet", None, "not a Parquet file"),
    ],
)
def test_mistakes(
    tmp_path: Path, name: str, content: str | bytes | None, columns: list[str] | None, said: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(SourceError) as error:
        items(tmp_path / name, columns)
    assert said in str(error.value)


def test_a_first_line_of_data_is_not_repeated_in_the_error(tmp_path: Path) -> None:
    (tmp_path / "people.tsv").write_text("mary.reed@example.com\t+44 20 7946 0000, ask for Mary\nx\ty\n")
    with pytest.raises(SourceError) as error:
        items(tmp_path / "people.tsv")
    assert "mary" not in str(error.value).lower()


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    """A folder of two lm-eval tasks, one of which includes a base file, and a group."""
    (tmp_path / "rows.jsonl").write_text(JSON_LINES)
    (tmp_path / "other.csv").write_text("prompt,topic\nWho?,people\n")
    (tmp_path / "base.yaml").write_text("dataset_path: json\ndoc_to_text: 'Q: {{question}}\\nA:'\n")
    (tmp_path / "sums.yaml").write_text(
        "include: base.yaml\ntask: sums\ndataset_kwargs: {data_files: {train: none.jsonl, test: rows.jsonl}}\n"
        "test_split: test\nprocess_results: !function tools.run\n"
    )
    (tmp_path / "who.yaml").write_text(
        "task: who\ndataset_path: csv\ndataset_kwargs: {data_files: other.csv}\ndoc_to_text: topic\n"
    )
    (tmp_path / "group.yaml").write_text("group: all\ntask: [sums, who]\n")
    return tmp_path


def test_lm_eval_task_files(suite: Path) -> None:
    assert items(suite / "sums.yaml").rows() == [("sums", 0, "How much is 2 + 2?"), ("sums", 1, "Why?")]
    assert asked_columns(load_task(suite / "sums.yaml")) == ["question"]


def test_a_folder_of_task_files(suite: Path) -> None:
    assert len(files(suite)) == 4
    assert set(items(suite)["task"]) == {"sums", "who"}
    assert items(suite).filter(task="who")["text"].to_list() == ["people"]


def test_a_suite_names_its_tasks_files(suite: Path) -> None:
    (suite / "mine.yaml").write_text("name: mine\ntasks: [a, b]\ndata: {a: rows.jsonl, b: store}\n")
    assert items(suite / "mine.yaml").rows() == [("a", 0, "How much is 2 + 2?"), ("a", 1, "Why?")]
    (suite / "mine.yaml").write_text("data: {b: store}\n")
    with pytest.raises(SourceError, match="no evaluation items"):
        items(suite / "mine.yaml")


def test_a_task_file_that_names_no_file(suite: Path) -> None:
    (suite / "rows.jsonl").unlink()
    with pytest.raises(SourceError, match="names a data file that does not exist"):
        items(suite / "sums.yaml")


def test_task_files_run_no_code(tmp_path: Path) -> None:
    (tmp_path / "evil.yaml").write_text("task: !!python/object/apply:os.system ['touch here']\n")
    with pytest.raises(SourceError, match="cannot be read as a task file"):
        load_task(tmp_path / "evil.yaml")
    assert not (tmp_path / "here").exists()
