"""Push and pull on a real server: the three traps, repeating, interruption, counts, and what is refused."""

from __future__ import annotations

import json
import random
import shutil
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import polars as pl
import pytest

from conf.app import compose
from curation.config import CurationConfig
from curation.desk.adjudicate import adjudicate
from curation.desk.client import Client
from curation.desk.config import DeskCommand
from curation.desk.download import mismatch
from curation.desk.progress import show_progress
from curation.desk.pull import pull
from curation.desk.push import push
from curation.desk.server.reach import Reach
from curation.desk.upload import plan
from curation.pipeline import run_pipeline
from data.errors import StoreError, UserError
from data.lineage import story
from data.records import text_hash
from data.store import Store
from data.verdicts import verdicts

WORDS = [f"word{n}" for n in range(300)]
EMOJI = "🎉🎉🎉 Ring Jane Doe, or write to jane@example.com 🎈"


def row(number: int) -> dict[str, Any]:
    words = random.Random(number).choices(WORDS, k=30)
    return {"prompt": f"Tell me about {words[0]} {number}.", "completion": " ".join(words) + "."}


def curate(folder: Path, rows: list[dict[str, Any]]) -> None:
    (folder / "raw.jsonl").write_text("".join(json.dumps(one) + "\n" for one in rows), encoding="utf-8")
    config = ["pii=patterns", "split.test=0.2", f"source.path={folder / 'raw.jsonl'}"]
    with Store.open(folder / "s.duckdb") as store:
        run_pipeline(store, compose("curation", CurationConfig, config))


@pytest.fixture(scope="module")
def curated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("curated")
    rows = [row(n) for n in range(20)]
    rows[0] |= {"completion": f"{EMOJI} {rows[0]['completion']}"}
    curate(folder, rows)
    return folder


@pytest.fixture
def work(curated: Path, tmp_path: Path) -> Path:
    shutil.copy(curated / "s.duckdb", tmp_path / "s.duckdb")
    return tmp_path


@cache
def composed(overrides: tuple[str, ...]) -> DeskCommand:
    return compose("desk", DeskCommand, ["select=sample", "rows=12", *overrides])


class At:
    """A store's folder and a desk: commands on both, and people who answer."""

    def __init__(self, work: Path, desk: Any, name: str) -> None:
        self.work, self.desk, self.name = work, desk, name

    def command(self, *overrides: str) -> DeskCommand:
        command = deepcopy(composed(overrides))
        command.store.path, command.dataset = str(self.work / "s.duckdb"), self.name
        command.desk.home = str(self.desk.home)
        return command

    def client(self, user: str = "owner") -> Client:
        return Client(Reach(self.desk.url, self.desk.users[user]["api_key"]))

    def id(self, name: str = "") -> str:
        with self.client() as client:
            found = client.datasets(client.workspace("tuneproof"))
        return next(one["id"] for one in found if one["name"] == (name or self.name))

    def records(self, name: str = "") -> dict[str, dict[str, Any]]:
        with self.client() as client:
            return {one["external_id"]: one for one in client.records(self.id(name))}

    def answer(self, user: str, answers: dict[str, dict[str, Any]], status: str = "submitted") -> None:
        there = self.records()
        with self.client(user) as client:
            for item, values in answers.items():
                client.answer(there[item]["id"], values, status)

    def store(self) -> Store:
        return Store.open(self.work / "s.duckdb")


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


def test_trap_1_ranks_come_back(at: At) -> None:
    push(at.command("questions=ranking"))
    item = min(at.records())
    said = [
        {"value": "honest", "rank": 1}, {"value": "helpful", "rank": 2}, {"value": "harmless", "rank": 3},
    ]  # fmt: skip
    at.answer("ann", {item: {"ranking": said}})
    pull(at.command())
    with at.store() as store:
        kept = json.loads(store.answers_of(at.name)["answers"][0])["ranking"]
    assert {one["value"]: one["rank"] for one in kept} == {"honest": 1, "helpful": 2, "harmless": 3}


def test_trap_2_marks_after_emoji_sit_where_they_were_made(at: At) -> None:
    """The page counts UTF-16 units: what it sends and what the server checks have to be the same place."""
    push(at.command("questions=spans", "select=pii", "rows=20"))
    record = next(one for one in at.records().values() if "jane@example.com" in one["fields"]["text"])
    text = record["fields"]["text"]
    units = text.encode("utf-16-le")
    assert len(units) == 2 * len(text) and "🎉" not in text
    for suggestion in record["suggestions"][0]["value"]:
        assert text[suggestion["start"] : suggestion["end"]] == "jane@example.com"
    start = len(units[: units.index("Jane Doe".encode("utf-16-le"))]) // 2
    last = {"start": len(text) - 5, "end": len(text), "label": "LOCATION"}  # with emoji shown as such: 422
    marks = [{"start": start, "end": start + 8, "label": "PERSON"}, last]
    at.answer("ann", {record["external_id"]: {"personal": marks, "checked": "yes"}})
    pull(at.command())
    with at.store() as store:
        after = (
            store.read("latest")
            .frame("record_id", "answer")
            .filter(record_id=record["external_id"])
            .collect()
        )
    assert after["answer"].item().startswith("🎉🎉🎉 Ring <PERSON>, or write to <EMAIL_ADDRESS> 🎈")
    assert after["answer"].item().endswith("<LOCATION>")


def test_trap_3_a_text_never_changes_under_an_answer(at: At, capsys: pytest.CaptureFixture[str]) -> None:
    push(at.command())
    answered, untouched, *_ = sorted(at.records())
    at.answer("ann", {answered: {"fate": "drop"}})
    before = at.records()
    edits = [
        {
            "record_id": item, "action": "edit", "reason": "pii_again",
            "messages": [{"role": "user", "content": "Quite"}, {"role": "assistant", "content": f"Another. {item}"}],
        }
        for item in (answered, untouched)
    ]  # fmt: skip
    with at.store() as store:
        store.apply(
            "latest", stage="pii", config={}, code="2", verdicts=verdicts(edits), reasons={"pii_again": "!"}
        )
    push(at.command())
    after = at.records()
    assert after[answered]["fields"] == before[answered]["fields"] and len(after) == 13
    (beside,) = [name for name in after if name.startswith(f"{answered}~")]
    assert after[beside]["fields"]["answer"] == f"Another. {answered}" and not after[beside]["responses"]
    assert after[untouched]["fields"]["answer"] == f"Another. {untouched}"
    said = capsys.readouterr().out
    assert "1 with a new text" in said and "1 beside an answered one" in said
    push(at.command())
    assert len(at.records()) == 13
    pull(at.command())
    with at.store() as store:
        assert store.version("latest").stage == "pii", "the answer was about a text that is no longer there"
        assert store.answers_of(at.name).height == 1


def test_trap_3_an_answer_that_comes_while_a_push_is_planned(at: At, monkeypatch: pytest.MonkeyPatch) -> None:
    push(at.command())
    item = min(at.records())
    edit = {
        "record_id": item, "action": "edit", "reason": "pii_again",
        "messages": [{"role": "user", "content": "Quite"}, {"role": "assistant", "content": "Another."}],
    }  # fmt: skip
    with at.store() as store:
        store.apply(
            "latest", stage="pii", config={}, code="2", verdicts=verdicts([edit]), reasons={"pii_again": "!"}
        )
    planned = plan

    def answered_meanwhile(*args: Any) -> Any:
        found = planned(*args)
        at.answer("ann", {item: {"fate": "drop"}})
        return found

    monkeypatch.setattr("curation.desk.push.plan", answered_meanwhile)
    push(at.command())
    assert at.records()[item]["fields"]["answer"] != "Another."
    pull(at.command())
    with at.store() as store:
        assert store.answers_of(at.name)["stale"].to_list() == [True], (
            "it shows another text than was to be pushed"
        )


def test_trap_3_a_text_that_somebody_else_changed_makes_its_answers_stale(
    at: At, capsys: pytest.CaptureFixture[str]
) -> None:
    push(at.command())
    first, second, *_ = sorted(at.records())
    at.answer("ann", {first: {"fate": "drop"}, second: {"fate": "drop"}})
    record = at.records()[first]
    changed = {"external_id": first, "fields": {**record["fields"], "answer": "Changed by another client."}}
    with at.client() as client:
        list(client.upsert_records(at.id(), [changed]))
    pull(at.command())
    assert "1 answers are stale" in capsys.readouterr().out
    with at.store() as store:
        assert store.answers_of(at.name).filter(stale=True)["item"].to_list() == [first]
        assert store.verdicts("latest").filter(action="drop")["record_id"].to_list() == [second]


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


def test_history_is_kept_and_drafts_stand_apart(at: At, capsys: pytest.CaptureFixture[str]) -> None:
    push(at.command())
    first, second, third, *_ = sorted(at.records())
    at.answer("ann", {first: {"fate": "drop"}, second: {"fate": "keep"}})
    at.answer("ben", {third: {"fate": "drop"}}, "draft")
    pull(at.command())
    assert "2 answers to 2 items" in (said := capsys.readouterr().out) and "1 draft (kept apart)" in said
    at.answer("ann", {first: {"fate": "keep"}})
    with at.client("ann") as client:
        own = at.records()[second]["responses"][0]
        client.delete_answer(own["id"])
    pull(at.command())
    with at.store() as store:
        history = store.history_of(at.name).filter(pl.col("item").is_in([first, second]))
        mine = {
            (r["item"], r["status"], json.loads(r["answers"] or "{}").get("fate")) for r in history.to_dicts()
        }
        assert mine == {
            (first, "submitted", "drop"), (first, "submitted", "keep"),
            (second, "submitted", "keep"), (second, "deleted", None),
        }  # fmt: skip
        assert set(store.answers_of(at.name)["item"]) == {first, third}
        assert store.version("latest").dropped == 0, "a draft decides nothing"
        dump = json.dumps(store.query("SELECT * FROM annotations").to_dicts(), default=str)
    with at.client() as client:
        users = client.workspace_users(client.workspace("tuneproof"))
    assert not any(f'"{user["username"]}"' in dump or user["id"] in dump for user in users)


def test_counts_that_do_not_fit_are_an_error(at: At, monkeypatch: pytest.MonkeyPatch) -> None:
    push(at.command())
    at.answer("ann", {min(at.records()): {"fate": "drop"}})
    with at.client() as client:
        records = list(client.records(at.id()))
        counted, users = client.progress(at.id()), client.users_progress(at.id())
    assert mismatch(records, counted, users) == ""
    assert "11 records read, 12 counted" in mismatch(records[:-1], counted, users)
    for record in records:
        record["responses"] = []
    assert "0 submitted answers read, 1 counted" in mismatch(records, counted, users)
    real = Client.records
    monkeypatch.setattr(Client, "records", lambda self, name, **rest: list(real(self, name, **rest))[:-1])
    with pytest.raises(UserError, match="does not fit what the server counts"):
        pull(at.command())
    with at.store() as store:
        assert store.history_of(at.name).is_empty()


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


def test_a_version_with_personal_data_is_refused(at: At) -> None:
    with at.store() as store:
        version = next(v.parent for v in store.versions() if v.stage == "pii")
    with pytest.raises(StoreError, match="was not scrubbed"):
        push(at.command(f"version={version}"))
    push(at.command(f"version={version}", "allow_unscrubbed=true", "rows=20"))
    assert any("jane@example.com" in one["fields"]["answer"] for one in at.records().values())
