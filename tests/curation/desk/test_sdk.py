"""Argilla's own client reads what we push: settings, fields, suggestions, metadata, and an answer."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from conf.app import compose
from curation.config import CurationConfig
from curation.desk.client import Client
from curation.desk.config import DeskCommand
from curation.desk.push import push
from curation.desk.server.reach import Reach
from curation.pipeline import run_pipeline
from data.store import Store

# In a process of its own: the client warns of much, and takes seconds to import.
READ = """
import json, sys
import argilla
client = argilla.Argilla(api_url=sys.argv[1], api_key=sys.argv[2])
dataset = client.datasets(name=sys.argv[3], workspace="tuneproof")
records = list(dataset.records(with_suggestions=True, with_responses=True))
print(json.dumps({
    "guidelines": dataset.guidelines,
    "questions": {q.name: type(q).__name__ for q in dataset.settings.questions},
    "fields": [f.name for f in dataset.settings.fields],
    "distribution": dataset.settings.distribution.min_submitted,
    "records": {
        r.id: {"answer": r.fields["answer"], "hash": r.metadata["text_hash"],
               "suggested": r.suggestions["fate"].value, "agent": r.suggestions["fate"].agent,
               "said": [v.value for v in r.responses["fate"]]}
        for r in records
    },
}))
"""


def test_argillas_client_reads_our_dataset(desk: Any, tmp_path: Path) -> None:
    rows = [
        {"prompt": f"Question {n}?", "completion": f"The answer to question {n} is 🎉 {n}."}
        for n in range(12)
    ]
    (tmp_path / "raw.jsonl").write_text("".join(json.dumps(one) + "\n" for one in rows))
    settings = [
        f"source.path={tmp_path / 'raw.jsonl'}",
        "pii=patterns",
        "exact=off",
        "dedup=off",
        "quality=off",
    ]
    with Store.open(tmp_path / "s.duckdb") as store:
        run_pipeline(store, compose("curation", CurationConfig, settings))
        texts = {
            r["record_id"]: r
            for r in store.read("latest").frame("record_id", "text_hash", "answer").collect().to_dicts()
        }
    keys = [f"store.path={tmp_path / 's.duckdb'}", "dataset=sdk", "select=sample", "overlap=2"]
    push(compose("desk", DeskCommand, [*keys, *desk.keys]))
    with Client(Reach(desk.url, desk.users["ann"]["api_key"])) as client:
        with Client(Reach(desk.url, desk.users["owner"]["api_key"])) as owner:
            own = next(d for d in owner.datasets(owner.workspace("tuneproof")) if d["name"] == "sdk")
        first = client.queue(own["id"], limit=1)[0]
        client.answer(first["id"], {"fate": "drop"})
    run = subprocess.run(
        [sys.executable, "-c", READ, desk.url, desk.users["owner"]["api_key"], "sdk"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr[-3000:]
    read = json.loads(run.stdout.splitlines()[-1])
    assert read["questions"] == {"fate": "LabelQuestion", "fixed": "TextQuestion"}
    assert (
        read["fields"] == ["prompt", "answer", "similar"]
        and read["distribution"] == 2
        and "keep" in read["guidelines"]
    )
    assert {name: one["answer"] for name, one in read["records"].items()} == {
        n: r["answer"] for n, r in texts.items()
    }
    assert {name: one["hash"] for name, one in read["records"].items()} == {
        n: r["text_hash"] for n, r in texts.items()
    }
    assert {one["suggested"] for one in read["records"].values()} == {"keep"}
    assert {name for name, one in read["records"].items() if one["said"] == ["drop"]} == {
        first["external_id"]
    }
