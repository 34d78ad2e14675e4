"""The whole road with the real commands: a raw file -> a version -> an audit -> a tuned tiny model -> a report."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from data.store import Store

ROOT = Path(__file__).parent.parent
COLOURS = ["red", "green", "blue", "amber", "violet", "white", "black", "grey"]
THINGS = [
    "kettle",
    "lamp",
    "chair",
    "rucksack",
    "bicycle",
    "notebook",
    "jacket",
    "speaker",
    "blanket",
    "radio",
]
ADVICE = ["Keep it dry", "Charge it overnight", "Wash it by hand", "Oil it twice a year", "Store it upright"]


def raw_file(path: Path) -> Path:
    """160 made-up support answers, five exact duplicates, an e-mail address, an empty answer that is dropped."""
    chance = random.Random(5)
    rows = []
    for _ in range(160):
        thing, colour, advice = chance.choice(THINGS), chance.choice(COLOURS), chance.choice(ADVICE)
        serial = "".join(chance.choices("abcdefghjk", k=9))
        rows.append(
            {
                "prompt": f"How do I look after the {colour} {thing} of batch {serial}?",
                "completion": f"{advice}. The {thing} of batch {serial} in {colour} likes that best of all.",
                "team": chance.choice("ab"), "licence": "CC0-1.0", "source": chance.choice(["web", "desk"]),
            }
        )  # fmt: skip
    rows += rows[:5]
    rows[7]["completion"] += " Write to marta.lopez@example.com for more."
    lines = [json.dumps(row) for row in rows]
    lines.insert(3, '{"prompt": "broken')
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def step(folder: Path, command: str, *overrides: str) -> str:
    environment = {
        **os.environ, "TUNEPROOF_STORE": str(folder / "store.duckdb"), "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1",
        "COLUMNS": "80",
    }  # fmt: skip
    ran = subprocess.run(
        [sys.executable, "-m", command, *overrides],
        cwd=folder, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, f"{command} {overrides}\n{ran.stdout[-3000:]}\n{ran.stderr[-3000:]}"
    assert "Traceback" not in ran.stderr
    return ran.stdout


@pytest.fixture(scope="module")
def walked(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    folder = tmp_path_factory.mktemp("walk")
    raw = raw_file(folder / "raw.jsonl")
    said = {
        "curation": step(
            folder, "curation", f"source.path={raw}", "source.groups=[team]", "split.test=0.2", "tag=walk"
        ),
        "audit": step(folder, "audit", "version=walk", "out=report-audit"),
        "train": step(
            folder, "train", "model=tiny", "steps=12", "batch_size=4", "task.max_length=200", "threads=1"
        ),
        "eval": step(folder, "eval", "limit=8", "generation.max_new_tokens=24", "bootstrap.resamples=200"),
    }
    return folder, said


def test_the_version_holds_what_the_verdicts_left(walked: tuple[Path, dict[str, str]]) -> None:
    folder, said = walked
    with Store.open(folder / "store.duckdb", read_only=True) as store:
        lineage = store.lineage("walk")
        stages = "ingest exact quality dedup outliers pii split"
        assert [v.stage for v in lineage] == stages.split()
        assert lineage[0].rows == 165
        assert store.rejects("walk").select("line", "reason").rows() == [(4, "broken_json")]
        assert store.verdicts(lineage[1].version)["reason"].to_list() == ["exact_bytes"] * 5
        edited = store.query(
            "SELECT d.detail FROM verdicts d JOIN records r USING (record_id) WHERE r.line = 9 AND d.action = 'edit'"
        )
        assert "EMAIL_ADDRESS x1" in edited["detail"].item()
        texts = " ".join(store.read("walk").frame("text").collect()["text"])
        assert "marta.lopez@example.com" not in texts
        assert set(store.read("walk").frame("split").collect()["split"]) == {"train", "validation", "test"}
        certificate = store.facts(lineage[-1].version, "split_certificate")
        assert certificate.select("value", "outcome").row(0) == (0.0, "PASS")
    assert "exact_bytes" in said["curation"]


def test_the_run_names_its_version_and_the_evaluation_its_run(walked: tuple[Path, dict[str, str]]) -> None:
    folder, _ = walked
    with Store.open(folder / "store.duckdb", read_only=True) as store:
        run = store.run("latest")
        assert (run.version, run.status) == (store.resolve("walk"), "done")
        assert run.weights_digest
        evaluation = store.evaluation("latest")
        assert evaluation.run == run.run_id
        answers = store.answers("latest")
        assert {"base", "tuned"} <= set(answers["role"])
        items = set(answers["item"])
        in_test = store.query(
            "SELECT record_id FROM members WHERE version = ? AND split = 'test'", [run.version]
        )
        assert items <= set(in_test["record_id"])
        trained_on = store.query(
            "SELECT record_id FROM members WHERE version = ? AND split = 'train'", [run.version]
        )
        assert not items & set(trained_on["record_id"])
        assert store.facts(name="bleu").height > 0


def test_reports_are_written_and_hold_no_personal_data(walked: tuple[Path, dict[str, str]]) -> None:
    folder, _ = walked
    pages = sorted(folder.rglob("*.html"))
    assert len(pages) >= 2
    for page in pages:
        text = page.read_text(encoding="utf-8")
        assert "marta.lopez" not in text
        assert "http://" not in text.replace("http://www.w3.org", "")
    for report in (folder / "report-audit").rglob("*.json"):
        assert json.loads(report.read_text(encoding="utf-8"))


def test_the_same_curation_again_reuses_everything(walked: tuple[Path, dict[str, str]]) -> None:
    folder, _ = walked
    said = step(
        folder, "curation", f"source.path={folder / 'raw.jsonl'}", "source.groups=[team]", "split.test=0.2"
    )
    assert said.count("reused") == 7
