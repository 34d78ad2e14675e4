"""The whole way on a real server: 200 records out, two people, back, agreement, a third person (once on the page in a
browser), a version, and why."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from conf.app import compose
from curation.config import CurationConfig
from curation.desk.adjudicate import adjudicate
from curation.desk.agreement import agreement
from curation.desk.client import Client
from curation.desk.config import DeskCommand
from curation.desk.pull import pull
from curation.desk.server.reach import Reach
from curation.desk.status import status
from curation.pipeline import run_pipeline
from data.lineage import story
from data.store import Store

ROWS = 200


def real_rows(shared_data: Path) -> list[dict[str, Any]]:
    """Questions of customers and their class, as published (banking77)."""
    path = next((shared_data / "support_banking77").rglob("*train*.csv"))
    return pl.read_csv(path).sample(400, seed=1, shuffle=True).to_dicts()


@pytest.mark.shared_data
def test_from_push_to_why(
    desk: Any, page: Any, tmp_path: Path, shared_data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store_key = f"store.path={tmp_path / 's.duckdb'}"
    (tmp_path / "raw.jsonl").write_text("".join(json.dumps(one) + "\n" for one in real_rows(shared_data)))
    settings = [
        f"source.path={tmp_path / 'raw.jsonl'}",
        "pii=patterns",
        "exact=off",
        "dedup=off",
        "quality=off",
    ]
    with Store.open(tmp_path / "s.duckdb") as store:
        run_pipeline(store, compose("curation", CurationConfig, settings))
        before = store.version("latest")

    def run(*words: str) -> str:
        done = desk.run(*words, store_key, "dataset=walk", COLUMNS="80")
        assert done.returncode == 0, done.stdout + done.stderr
        return str(done.stdout)

    def here(verb: Callable[[DeskCommand], None], *words: str) -> str:
        capsys.readouterr()
        verb(compose("desk", DeskCommand, [store_key, "dataset=walk", *desk.keys, *words]))
        return capsys.readouterr().out

    assert f"{ROWS} new" in run("push", "select=sample", f"rows={ROWS}", "overlap=2")
    with Client(Reach(desk.url, desk.users["owner"]["api_key"])) as owner:
        walk = next(d["id"] for d in owner.datasets(owner.workspace("tuneproof")) if d["name"] == "walk")
        records = {one["external_id"]: one["id"] for one in owner.records(walk)}
    assert len(records) == ROWS
    # They see the same 60 items, agree on most, and differ on every tenth.
    names = sorted(records)[:60]
    truth = {name: random.Random(name).choice(["keep", "keep", "drop", "fix"]) for name in names}
    for who in ("ann", "ben"):
        with Client(Reach(desk.url, desk.users[who]["api_key"])) as client:
            assert client.queue(walk, limit=5), "there is work"
            for place, name in enumerate(names):
                fate = (
                    truth[name] if place % 10 or who == "ann" else {"drop": "keep"}.get(truth[name], "drop")
                )
                fixed = {"fixed": f"Better said. {name}"} if fate == "fix" else {}
                client.answer(records[name], {"fate": fate, **fixed})
    assert "60 of 200 items done (30%)" in here(status)
    pulled = run("pull")
    assert "120 answers to 60 items by 2 annotators, 120 new" in pulled and "desk_disputed" in pulled
    agreed = here(agreement, "draws=200")
    assert "alpha, nominal" in agreed and "annotator-2" in agreed
    assert "6 new" in here(adjudicate)
    with Client(Reach(desk.url, desk.users["owner"]["api_key"])) as owner:
        last = next(
            d["id"] for d in owner.datasets(owner.workspace("tuneproof")) if d["name"] == "walk-adjudication"
        )
        disputed = {one["external_id"]: one["id"] for one in owner.records(last)}
    assert set(disputed) == set(names[::10])
    # One of them by clicking on the page, the others by REST.
    clicked = drop_on_the_page(desk, page, "cem", last)
    with Client(Reach(desk.url, desk.users["cem"]["api_key"])) as third:
        for name, record in disputed.items():
            if name != clicked:
                third.answer(record, {"fate": "drop"})
    assert clicked in disputed and "desk_dropped" in here(pull, "dataset=walk-adjudication")

    with Store.open(tmp_path / "s.duckdb") as store:
        after = store.version("latest")
        dropped = {name for name in names if truth[name] == "drop"} | set(disputed)
        assert after.stage == "desk" and after.rows == before.rows - len(dropped)
        assert not store.present(after.version, sorted(dropped))
        fixed = [name for name in names if truth[name] == "fix" and name not in dropped]
        texts = store.read("latest").frame("record_id", "text").collect()
        for name in fixed:
            assert texts.filter(record_id=name)["text"].item() == f"Better said. {name}"
        alpha = store.facts(before.version, "desk_alpha").to_dicts()[0]
        assert 0 < alpha["low"] < alpha["value"] < alpha["high"] <= 1 and alpha["n"] == 60
    agreed_on = next(name for name in sorted(dropped) if name not in disputed)
    for name, said in (
        (agreed_on, "drop by annotator-1, annotator-2"),
        (names[0], "drop by annotator-3"),
        (clicked, "drop by annotator-3"),
    ):
        with Store.open(tmp_path / "s.duckdb", read_only=True) as store:
            assert said in story(store, name).events[-1].why


def drop_on_the_page(desk: Any, page: Any, user: str, dataset: str) -> str:
    """Log in as `user` in the browser, and drop the first record of the queue; the record's name."""
    page.goto(f"{desk.url}/sign-in")
    page.fill("input[type=text]", user)
    page.fill("input[type=password]", desk.users[user]["password"])
    page.click("button:has-text('Sign in')")
    page.click('text="walk-adjudication"')
    page.click('label:has-text("drop")')
    with page.expect_response(lambda one: "/responses" in one.url and one.request.method != "GET") as sent:
        page.click('button:has-text("Submit")')
    assert sent.value.ok
    mine = {"filters": {"type": "and", "and": [{
        "type": "terms", "scope": {"entity": "response", "property": "status"}, "values": ["submitted"],
    }]}}  # fmt: skip
    (name,) = desk.externals(desk.search(dataset, mine, user=user))
    return str(name)


@pytest.mark.slow
def test_ten_thousand_records(desk: Any, tmp_path: Path) -> None:
    """Pushed once, pulled within 20 s of server time on a quiet machine; the bound here is thrice that."""
    words = [f"word{n}" for n in range(500)]
    rows = [
        {"prompt": f"Question {n}?", "completion": " ".join(random.Random(n).choices(words, k=40)) + "."}
        for n in range(10_000)
    ]
    (tmp_path / "raw.jsonl").write_text("".join(json.dumps(one) + "\n" for one in rows))
    settings = [f"source.path={tmp_path / 'raw.jsonl'}", "pii=patterns", "dedup=off", "quality=off"]
    with Store.open(tmp_path / "s.duckdb") as store:
        run_pipeline(store, compose("curation", CurationConfig, settings))
    keys = [f"store.path={tmp_path / 's.duckdb'}", "dataset=many"]
    started = time.perf_counter()
    pushed = desk.run("push", "select=sample", "rows=10000", *keys)
    print(f"push: {time.perf_counter() - started:.2f} s")  # noqa: T201
    assert pushed.returncode == 0 and "10,000 new" in pushed.stdout, pushed.stdout + pushed.stderr
    with Client(Reach(desk.url, desk.users["owner"]["api_key"])) as owner:
        many = next(d["id"] for d in owner.datasets(owner.workspace("tuneproof")) if d["name"] == "many")
    with Client(Reach(desk.url, desk.users["ann"]["api_key"])) as client:
        started = time.perf_counter()
        queue = client.queue(many, limit=50)
        print(f"queue_page: {time.perf_counter() - started:.2f} s")  # noqa: T201
        for record in queue:
            client.answer(record["id"], {"fate": "drop"})
    started = time.perf_counter()
    pulled = desk.run("pull", *keys)
    seconds = time.perf_counter() - started
    print(f"pull: {seconds:.2f} s")  # noqa: T201
    assert pulled.returncode == 0 and "50 answers to 50 items" in pulled.stdout, pulled.stdout + pulled.stderr
    assert seconds < 60
