"""A suite by name: its items are found; a wrong name, a suite without items and a changed file are said or seen."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from conf.app import compose
from curation.config import CurationConfig
from curation.decontaminate import DecontaminateConfig, fingerprint, judge, suite
from curation.pipeline import run_pipeline
from curation.summary import evaluation_hits
from data.errors import ConfigError, SourceError
from data.records import FrameRecords
from data.store import Store

ITEM = "In which year did the Brambleby catalogue first show the Dawnpour kettle to campers?"


@pytest.fixture
def suites(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of suites beside the project's: `quiz` (a file), `mixed` (a file and the store), `own` (task files)."""
    folder = tmp_path / "suite"
    folder.mkdir()
    (tmp_path / "quiz.jsonl").write_text(json.dumps({"question": ITEM}))
    (folder / "none.yaml").write_text("name: none\n")
    (folder / "quiz.yaml").write_text(f"tasks: [quiz]\ndata: {{quiz: {tmp_path}/quiz.jsonl}}\n")
    (folder / "mixed.yaml").write_text(f"tasks: [a, b]\ndata: {{a: {tmp_path}/quiz.jsonl, b: store}}\n")
    (folder / "stored.yaml").write_text("tasks: [a]\ndata: {a: store}\n")
    tasks = tmp_path / "tasks"
    tasks.mkdir()
    (tasks / "t.yaml").write_text(
        f"task: mine\ndataset_path: json\ndataset_kwargs: {{data_files: {tmp_path}/quiz.jsonl}}\n"
        "doc_to_text: '{{question}}'\n"
    )
    (tasks / "u.yaml").write_text("task: far\ndataset_path: some/where\n")
    (folder / "own.yaml").write_text(f"folder: {tasks}\ntasks: [mine]\n")
    (folder / "remote.yaml").write_text(f"folder: {tasks}\ntasks: [mine, far]\n")
    monkeypatch.setattr(suite, "folder", lambda: folder)
    return folder


def rows() -> list[dict[str, Any]]:
    return [
        {
            "messages": [
                {"role": "user", "content": f"Tell me. {ITEM}"},
                {"role": "assistant", "content": "1987."},
            ]
        }
    ]


@pytest.mark.parametrize(("name", "task"), [("quiz", "quiz"), ("mixed", "a"), ("own", "mine")])
def test_the_items_of_a_suite_are_found(suites: Path, name: str, task: str) -> None:
    found = judge(FrameRecords.of(*rows()), DecontaminateConfig(suite=name))
    assert found.select("reason", "detail").rows() == [
        ("decontaminate_exact", f"{task} item 0, in the user message")
    ]


def test_the_projects_own_suite(tmp_path: Path) -> None:
    """`decontaminate.suite=demo` is enough on the command line, and finds an item of the demonstration."""
    item = json.loads(Path("data/samples/benchmark.jsonl").read_text().splitlines()[0])["question"]
    source = tmp_path / "raw.jsonl"
    lines = [
        {"prompt": item, "completion": "A."},
        {"prompt": "How are plants watered?", "completion": "Slowly."},
    ]
    source.write_text("".join(json.dumps(line) + "\n" for line in lines))
    given = [f"source.path={source}", "stages=[decontaminate]", "decontaminate.suite=demo", f"out={tmp_path}"]
    with Store.open(tmp_path / "store.duckdb") as store:
        steps = run_pipeline(store, compose("curation", CurationConfig, given))
        assert [step.stage for step in steps] == ["ingest", "decontaminate"]
        said = store.verdicts(steps[-1].version)
        assert said["detail"].to_list() == ["demo_facts item 0, in the user message"]
        assert evaluation_hits(store, steps) == ["evaluation items of demo_facts: in 1 records (exact 1)"]
        source.write_text("".join(json.dumps(line) + "\n" for line in lines[1:]))
        steps = run_pipeline(store, compose("curation", CurationConfig, given))
        assert evaluation_hits(store, steps) == ["evaluation items: looked for, and found in no record"]
        # Nothing named: the stage is not there.
        bare = compose("curation", CurationConfig, [*given[:2], f"out={tmp_path}"])
        assert [step.stage for step in run_pipeline(store, bare)] == ["ingest"]


def test_a_suite_and_files_together(suites: Path, tmp_path: Path) -> None:
    (tmp_path / "more.jsonl").write_text(
        json.dumps({"question": "What is the tallest mountain of all, by far?"})
    )
    config = DecontaminateConfig(suite="quiz", against=[str(tmp_path / "more.jsonl")])
    other = [{"messages": [{"role": "user", "content": "What is the tallest mountain of all, by far?"}]}]
    found = judge(FrameRecords.of(*rows(), *other), config)
    assert [detail.split(",")[0] for detail in found["detail"]] == ["quiz item 0", "more item 0"]


def test_a_wrong_name_lists_the_suites_there_are() -> None:
    with pytest.raises(ConfigError) as error:
        DecontaminateConfig(suite="dem")
    assert "decontaminate.suite=dem: no such evaluation suite" in str(error.value)
    assert "did you mean 'demo'?" in str(error.value)
    assert ", ".join(suite.names()[:2]) in str(error.value)
    assert "none" not in suite.names()
    assert not DecontaminateConfig(suite="none").enabled


@pytest.mark.parametrize(
    ("name", "said"), [("stored", "has no items of its own"), ("remote", "has the task 'far'")]
)
def test_a_suite_whose_items_cannot_be_read(suites: Path, name: str, said: str) -> None:
    with pytest.raises(SourceError, match=said):
        judge(FrameRecords.of(*rows()), DecontaminateConfig(suite=name))


def test_changed_items_make_another_version(suites: Path, tmp_path: Path) -> None:
    config = DecontaminateConfig(suite="quiz")
    before = fingerprint(config)
    source = tmp_path / "raw.jsonl"
    source.write_text(json.dumps({"prompt": ITEM, "completion": "1987."}) + "\n")
    given = [f"source.path={source}", "stages=[decontaminate]", "decontaminate.suite=quiz", f"out={tmp_path}"]
    with Store.open(tmp_path / "store.duckdb") as store:
        first = run_pipeline(store, compose("curation", CurationConfig, given))[-1].version
        assert store.version(first).rows == 0
        assert run_pipeline(store, compose("curation", CurationConfig, given))[-1].reused
        (tmp_path / "quiz.jsonl").write_text(json.dumps({"question": "Something else entirely, is it not?"}))
        assert fingerprint(config) != before
        second = run_pipeline(store, compose("curation", CurationConfig, given))[-1]
        assert not second.reused
        assert store.version(second.version).rows == 1
        (tmp_path / "quiz.jsonl").unlink()
        with pytest.raises(SourceError, match="does not exist"):
            run_pipeline(store, compose("curation", CurationConfig, given))
