"""`python -m data`: each question gets its answer, and a wrong one a plain error."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import polars as pl
import pytest

from data.__main__ import main
from data.facts import Fact
from data.load import LOADED_SCHEMA, REJECT_SCHEMA, Loader
from data.load.config import SourceConfig
from data.records import text_hash
from data.runs import Run
from data.store import Store
from data.verdicts import verdicts

REASONS = {"dedup_near": "nearly the same as the kept record", "pii_masked": "personal data was replaced"}


def record(number: int) -> dict[str, object]:
    messages = [
        {"role": "user", "content": f"question {number}"},
        {"role": "assistant", "content": f"answer {number}"},
    ]
    return {
        "record_id": f"{number:x}" * 16, "text_hash": text_hash(messages), "kind": "chat", "messages": messages,
        "label": None, "source": "crm", "licence": "MIT", "language": "en", "timestamp": None,
        "metadata": '{"audience": "60+"}', "file": "raw.jsonl", "line": number,
    }  # fmt: skip


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("ask") / "store.duckdb"
    frame = pl.DataFrame([record(n) for n in range(1, 6)], schema=LOADED_SCHEMA)
    masked = [{"role": "user", "content": "question <PERSON>"}, {"role": "assistant", "content": "answer"}]
    with Store.open(path) as store:
        store.ingest("v-0", {}, "c", [(frame, pl.DataFrame(schema=REJECT_SCHEMA))], list)
        drop = {
            "record_id": "1" * 16,
            "action": "drop",
            "reason": "dedup_near",
            "score": 0.91,
            "partner": "2" * 16,
        }
        store.apply("v-0", stage="dedup", config={}, code="c", verdicts=verdicts([drop]), reasons=REASONS)
        edit = {
            "record_id": "2" * 16,
            "action": "edit",
            "reason": "pii_masked",
            "score": 4.0,
            "detail": "PERSON x1",
            "messages": masked,
        }
        last = store.apply(
            "latest", stage="pii", config={}, code="c", verdicts=verdicts([edit]), reasons=REASONS
        )
        store.tag("good", last)
        store.save_run(Run(run_id="run-1", version=last, model="tiny", method="lora", config={}, seed=1))
        store.add_facts(
            [Fact(subject="run-1", subject_kind="run", name="loss", value=0.75, unit="nats", n=9)]
        )
        store.add_facts(
            [Fact(subject=last, subject_kind="version", name="QUA-001", value=0.125, unit="fraction", n=4)]
        )
    return path


def ask(path: Path, *words: str) -> int:
    return main(["--store", str(path), *words])


def test_why_tells_the_whole_story(path: Path, capsys: pytest.CaptureFixture[str], monkeypatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    assert ask(path, "why", "1111") == 0
    removed = capsys.readouterr().out
    assert "raw.jsonl line 1" in removed
    assert (
        "nearly the same as the kept record; score 0.910; because of 2222222222222222 (raw.jsonl line 2)"
        in removed
    )
    assert "not in v-" in removed
    assert ask(path, "why", "2222") == 0
    assert "PERSON x1; score 4\n" in capsys.readouterr().out.replace(" \n", "\n")
    assert ask(path, "why", "3333") == 0
    kept = capsys.readouterr().out
    assert "(latest)" in kept
    assert "run-1" in kept


def test_listings(path: Path, capsys: pytest.CaptureFixture[str], monkeypatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    for words, expected in {
        ("versions",): "good",
        ("show",): "question <PERSON>",
        ("show", "v-0"): "not scrubbed",
        ("diff", "v-0", "latest"): "dedup_near",
        ("facts", "good"): "0.125",
        ("facts", "run-"): "0.75",
        ("overview", "v-0"): "not made yet: python -m audit",
        ("overview",): "nearly the same as the kept record",
        ("status",): "3 versions, 5 records, 1 run,",
    }.items():
        assert ask(path, *words) == 0
        assert expected in capsys.readouterr().out, words


def test_ids_and_names_are_whole_in_80_columns(
    path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    other = tmp_path / "other.duckdb"
    shutil.copy(path, other)
    name, slice_ = "perplexity_difference_of_copies", "slice=unseen,role=tuned-copy_nearest"
    with Store.open(other) as store:
        store.apply("v-0", stage="decontaminate", config={}, code="c", verdicts=verdicts([]), reasons={})
        store.tag("a-name-of-some-length", "latest")
        made = [v.version for v in store.versions()]
        fact = Fact(
            subject=made[-1], subject_kind="version", name=name, slice=slice_, outcome="INSUFFICIENT",
            value=-0.012345, low=-0.0123, high=0.00456, n=12345, unit="points",
        )  # fmt: skip
        store.add_facts([fact])
    assert ask(other, "versions") == 0
    out = capsys.readouterr().out
    assert max(map(len, out.splitlines())) <= 80
    words = out.split()
    assert [word for word in words if word.startswith("v-")] == [*made, "v-0"]
    assert "of v-0" in out  # the last was not made from the one above it
    assert ask(other, "facts", made[-1]) == 0
    out = capsys.readouterr().out
    assert max(map(len, out.splitlines())) <= 80
    assert {made[-1], name, "-0.01235", "12,345", "INSUFFICIENT"} <= set(out.split())
    assert ask(other, "why", "1111") == 0
    assert made[1] in capsys.readouterr().out.split()


def test_export_writes_what_the_version_holds(
    path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ask(path, "export", "good", str(tmp_path / "out.jsonl")) == 0
    rows = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert len(rows) == 4
    assert rows[0]["messages"][0]["content"] == "question <PERSON>"
    assert rows[0]["metadata"] == {"audience": "60+"}
    assert ask(path, "export", "good", str(tmp_path / "out.parquet")) == 0
    assert pl.read_parquet(tmp_path / "out.parquet").height == 4
    capsys.readouterr()
    assert ask(path, "export", "v-0", str(tmp_path / "raw.jsonl")) == 2
    assert "not scrubbed" in capsys.readouterr().err
    assert not (tmp_path / "raw.jsonl").exists()
    assert ask(path, "export", "v-0", str(tmp_path / "raw.jsonl"), "--allow-unscrubbed") == 0
    assert ask(path, "export", "good", str(tmp_path / "out.xlsx")) == 2
    capsys.readouterr()
    assert ask(path, "export", "v-0", str(tmp_path / "out.jsonl"), "--allow-unscrubbed") == 2
    assert "out.jsonl exists already\n  replace it: --force" in capsys.readouterr().err
    assert len((tmp_path / "out.jsonl").read_text().splitlines()) == 4
    assert ask(path, "export", "v-0", str(tmp_path / "out.jsonl"), "--allow-unscrubbed", "--force") == 0
    assert len((tmp_path / "out.jsonl").read_text().splitlines()) == 5
    assert ask(path, "export", "good", str(tmp_path / "absent" / "out.jsonl")) == 2
    assert "there is no folder" in capsys.readouterr().err
    assert not (tmp_path / "absent").exists()


@pytest.mark.parametrize("ending", ["jsonl", "parquet"])
def test_an_export_read_again_is_the_same_data(path: Path, tmp_path: Path, ending: str) -> None:
    file = tmp_path / f"out.{ending}"
    assert ask(path, "export", "good", str(file)) == 0
    frames = [records for records, _ in Loader(SourceConfig(path=[str(file)]))]
    with Store.open(path, read_only=True) as store:
        columns = ["text_hash", "label", "source", "licence", "language", "metadata", "kind"]
        canonical = pl.col("metadata").str.replace(": ", ":")
        before = store.read("good").frame(*columns).with_columns(canonical).collect()
    assert pl.concat(frames).select(columns).sort("text_hash").equals(before.sort("text_hash"))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("why", "zzz"), "no record 'zzz'"),
        (("show", "goood"), "did you mean 'good'"),
        (("tag", ""), "'' cannot be a tag"),
        (("tag", "a b/../c"), "letters, digits, and . _ -"),
        (("tag", "latest"), "'latest' cannot be a tag"),
        (("diff", "v-0", "v-zzz"), "no version 'v-zzz'"),
    ],
)
def test_mistakes_are_plain(
    path: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], message: str
) -> None:
    assert ask(path, *words) == 2
    assert message in capsys.readouterr().err


def test_a_missing_store_says_how_to_make_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert ask(tmp_path / "absent.duckdb", "versions") == 2
    assert "python -m curation" in capsys.readouterr().err
    assert not (tmp_path / "absent.duckdb").exists()
