"""Push and pull on a real server: repeating, interruption, and what is refused."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import httpx
import pytest

from curation.desk.adjudicate import adjudicate
from curation.desk.client import Client
from curation.desk.progress import show_progress
from curation.desk.pull import pull
from curation.desk.push import push
from curation.desk.server.reach import Reach
from data.errors import StoreError, UserError
from data.lineage import story
from data.records import text_hash

from .uploads import At, curated_folder


@pytest.fixture(scope="module")
def curated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """See `curated_folder`."""
    return curated_folder(tmp_path_factory.mktemp("curated"))


@pytest.fixture
def work(curated: Path, tmp_path: Path) -> Path:
    shutil.copy(curated / "s.duckdb", tmp_path / "s.duckdb")
    return tmp_path


@pytest.fixture
def at(work: Path, desk: Any, request: pytest.FixtureRequest) -> At:
    return At(work, desk, request.node.name.partition("[")[0].removeprefix("test_")[:40])


def test_push_is_the_same_the_second_time(at: At, capsys: pytest.CaptureFixture[str]) -> None:
    push(at.command())
    first = at.records()
    assert len(first) == 12 and "12 new" in capsys.readouterr().out
    push(at.command())
    assert "12 unchanged" in capsys.readouterr().out
    assert at.records() == first
    one = next(iter(first.values()))
    with at.store() as store:
        texts = {r["record_id"]: r for r in store.read("latest").frame().collect().to_dicts()}
    own = texts[one["external_id"]]
    assert one["metadata"]["text_hash"] == own["text_hash"] == text_hash(own["messages"])
    assert one["suggestions"][0]["value"] == "keep" and one["suggestions"][0]["agent"] == "curation"


def test_batches_go_on_where_the_last_one_ended(at: At, capsys: pytest.CaptureFixture[str]) -> None:
    for there, said in (
        (5, "7 left for the next push"),
        (10, "2 left"),
        (12, "2 new, 10 unchanged"),
        (12, "12 unch"),
    ):
        push(at.command("batch=5"))
        assert len(at.records()) == there and said in capsys.readouterr().out


def test_an_interrupted_push_goes_on(
    at: At, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("curation.desk.client.CHUNK", 5)
    send, calls = Client._send, []

    def dying(self: Client, method: str, route: str, **rest: Any) -> httpx.Response:
        if route.endswith("/bulk"):
            calls.append(route)
            if len(calls) == 2:
                raise KeyboardInterrupt
        return send(self, method, route, **rest)

    monkeypatch.setattr(Client, "_send", dying)
    with pytest.raises(KeyboardInterrupt):
        push(at.command())
    assert len(at.records()) == 5
    push(at.command())
    assert len(at.records()) == 12 and "7 new, 5 unchanged" in capsys.readouterr().out


def test_suggestions_are_renewed_and_stale_ones_go(at: At, capsys: pytest.CaptureFixture[str]) -> None:
    push(at.command())
    push(at.command("suggest=false"))
    assert all(not one["suggestions"] for one in at.records().values())
    push(at.command())
    assert all(len(one["suggestions"]) == 1 for one in at.records().values())
    assert "12 with new suggestions" in capsys.readouterr().out
    one = next(iter(at.records().values()))
    assert one["metadata"]["shown_hash"], "refreshing suggestions leaves text and metadata alone"


def test_other_questions_are_another_dataset(at: At, capsys: pytest.CaptureFixture[str]) -> None:
    push(at.command())
    push(at.command("questions=rating"))
    assert f"this one is {at.name}-2" in capsys.readouterr().out
    assert len(at.records()) == len(at.records(f"{at.name}-2")) == 12
    push(at.command("questions.guidelines=Read."))
    with at.client() as client:
        found = {one["name"]: one for one in client.datasets(client.workspace("tuneproof"))}
    assert found[at.name]["guidelines"] == "Read.", "other guidelines ask nothing else"


def test_another_overlap_is_said(at: At, capsys: pytest.CaptureFixture[str]) -> None:
    push(at.command("overlap=2"))
    capsys.readouterr()
    push(at.command())
    assert "wanted from 1 people from now on, before from 2 (as before: overlap=2)" in capsys.readouterr().out
    push(at.command())
    assert "from now on" not in capsys.readouterr().out


def test_disagreements_go_to_one_more_person(at: At) -> None:
    push(at.command("overlap=2"))
    first, second, *_ = sorted(at.records())
    at.answer("ann", {first: {"fate": "drop"}, second: {"fate": "drop"}})
    at.answer("ben", {first: {"fate": "keep"}, second: {"fate": "drop"}})
    pull(at.command())
    adjudicate(at.command())
    third = At(at.work, at.desk, f"{at.name}-adjudication")
    assert (
        list(third.records()) == [first]
        and third.records()[first]["metadata"]["why"] == "fate: drop x1, keep x1"
    )
    third.answer("cem", {first: {"fate": "drop"}})
    pull(third.command())
    with at.store() as store:
        assert set(store.verdicts("latest").filter(action="drop")["record_id"]) == {first, second}
        assert "drop by annotator-3" in story(store, first).events[-1].why


def test_status_in_80_columns(at: At) -> None:
    import io

    from rich.console import Console

    push(at.command("overlap=2"))
    first, *_ = sorted(at.records())
    at.answer("ann", {first: {"fate": "drop"}})
    out = io.StringIO()
    show_progress(at.command(), Console(file=out, width=80))
    said = out.getvalue()
    assert "0 of 12 items done (0%), 2 answers each" in said and "23 answers are missing" in said
    assert "11 items have no answer of 2" in said and "1 items have 1 answer of 2" in said and "ann " in said
    assert max(map(len, said.splitlines())) <= 80


@pytest.mark.parametrize(
    ("key", "says"),
    [("nonsense", r"does not know this API key \(401\)"), ("ann", r"forbids this user .*\(403\)")],
)
def test_keys_that_do_not_fit(at: At, monkeypatch: pytest.MonkeyPatch, key: str, says: str) -> None:
    monkeypatch.setenv("ARGILLA_API_KEY", at.desk.users[key]["api_key"] if key in at.desk.users else key)
    monkeypatch.delenv("TUNEPROOF_DESK_KEY", raising=False)
    with pytest.raises(UserError, match=says):
        push(at.command(f"desk.url={at.desk.url}"))


def test_what_the_server_objects_to_is_said(at: At) -> None:
    push(at.command())
    bad = {"external_id": "x", "fields": {"prompt": "only this"}, "metadata": {}, "suggestions": []}
    with at.client() as client, pytest.raises(UserError, match=r"\(422\).*answer"):
        list(client.upsert_records(at.id(), [bad]))
    assert len(at.records()) == 12


def test_a_server_that_is_gone_is_said_and_tried_again(at: At, monkeypatch: pytest.MonkeyPatch) -> None:
    import socket

    pauses: list[float] = []
    monkeypatch.setattr("curation.desk.client.time.sleep", pauses.append)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    with Client(Reach(url, "key")) as client, pytest.raises(UserError, match="cannot be reached"):
        client.me()
    assert pauses == [0.5, 1, 2, 4]


def test_an_address_that_is_no_argilla(at: At, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TUNEPROOF_DESK_KEY", at.desk.users["owner"]["api_key"])
    with pytest.raises(UserError, match="is no Argilla server"):
        push(at.command(f"desk.url={at.desk.url}/elsewhere"))


def test_a_dataset_that_was_deleted_on_the_server(at: At, capsys: pytest.CaptureFixture[str]) -> None:
    push(at.command())
    first, *_ = sorted(at.records())
    at.answer("ann", {first: {"fate": "drop"}})
    pull(at.command())
    push(at.command("questions=rating"))
    with at.client() as client:
        client._send("DELETE", f"/datasets/{at.id()}")
    with pytest.raises(UserError, match=f"not on this server.*: {at.name}; what was pulled"):
        pull(at.command())
    everything = at.command()
    everything.dataset = ""
    pull(everything)
    said = capsys.readouterr().out
    assert f"(any more): {at.name};" in said and f"{at.name}-2: 0 answers" in said
    with at.store() as store:
        assert store.verdicts("latest").filter(action="drop")["record_id"].to_list() == [first]


def test_a_workspace_without_annotators_is_said(at: At, capsys: pytest.CaptureFixture[str]) -> None:
    push(at.command("show=[source]"))
    assert "no annotator is a member" not in capsys.readouterr().out
    push(at.command("desk.workspace=nobody-here"))
    assert "no annotator is a member of the workspace nobody-here" in capsys.readouterr().out


def test_answers_written_anew_and_classes(at: At) -> None:
    push(at.command("questions=answer"))
    first, second, *_ = sorted(at.records())
    assert at.records()[first]["suggestions"][0]["value"] == at.records()[first]["fields"]["answer"]
    at.answer(
        "ann",
        {first: {"answer": "Said better."}, second: {"answer": at.records()[second]["fields"]["answer"]}},
    )
    pull(at.command())
    push(at.command("questions=label", "questions.ask.label.labels=[praise,complaint]"))
    classes = At(at.work, at.desk, f"{at.name}-2")
    classes.answer("ben", {second: {"label": "complaint"}})
    pull(classes.command())
    with at.store() as store:
        said = {(one["record_id"], one["reason"]): one for one in store.verdicts("latest").to_dicts()}
        assert set(said) == {(first, "desk_rewritten"), (second, "desk_relabelled")}
        assert said[second, "desk_relabelled"]["value"] == "complaint"
        texts = store.read("latest").frame("record_id", "answer").collect()
    assert texts.filter(record_id=first)["answer"].item() == "Said better."


def test_what_decides_nothing_is_counted(at: At, capsys: pytest.CaptureFixture[str]) -> None:
    ask = "questions.ask={faults: {kind: multi_label_selection, labels: [wrong, long, odd]}, good: {kind: rating}}"
    push(at.command("questions=own", ask, "overlap=2"))
    first, second, *_ = sorted(at.records())
    at.answer(
        "ann", {first: {"faults": ["wrong", "long"], "good": 1}, second: {"faults": ["long"], "good": 4}}
    )
    at.answer("ben", {first: {"faults": ["long"], "good": 2}})
    pull(at.command())
    said = capsys.readouterr().out
    assert "faults: long 3, wrong 1; 3 answers." in said and "good: 2.33 on average, 3 answers." in said
    assert "these questions decide nothing" in said
    with at.store() as store:
        facts = {one["slice"].split("|", 1)[1]: one for one in store.facts(name="desk_answers").to_dicts()}
    assert facts["question=faults|long"]["value"] == 1 and facts["question=faults|odd"]["value"] == 0
    assert facts["question=good"]["value"] == pytest.approx(7 / 3) and len(facts) == 4


def test_a_version_with_personal_data_is_refused(at: At) -> None:
    with at.store() as store:
        version = next(v.parent for v in store.versions() if v.stage == "pii")
    with pytest.raises(StoreError, match="was not scrubbed"):
        push(at.command(f"version={version}"))
    push(at.command(f"version={version}", "allow_unscrubbed=true", "rows=20"))
    assert any("jane@example.com" in one["fields"]["answer"] for one in at.records().values())
