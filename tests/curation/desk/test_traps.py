"""Push and pull on a real server: the three traps, history, and counts that do not fit."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from curation.desk.client import Client
from curation.desk.download import mismatch
from curation.desk.pull import pull
from curation.desk.push import push
from curation.desk.upload import plan
from data.errors import UserError
from data.verdicts import verdicts

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
