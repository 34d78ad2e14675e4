"""A person's rights: found wherever they are, erased there, and a certificate that says so and names nobody."""

from __future__ import annotations

import hashlib
import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from conf.app import compose
from curation.config import CurationConfig
from curation.pipeline import run_pipeline
from data.__main__ import main
from data.certificate import outcome
from data.errors import StoreError
from data.evaluations import ANSWER_SCHEMA, Evaluation
from data.forget import request_hash
from data.key import Key
from data.lineage import story
from data.records import canonical_json
from data.runs import Run
from data.store import Store
from data.vault import Vault

ROOT = Path(__file__).parents[2]
PERSON, MAIL = "Ottoline Vandersteen", "ottoline.v@forgetme-example.org"
FAST = ["pii=patterns", "outliers=off", "dedup=off", "quality=off", "split.test=0.2"]
KEY = "an example of a key that is long enough 0123456789"


def rows() -> list[dict[str, Any]]:
    """40 rows; five of them are of one person, written in five ways."""
    made = [
        {
            "prompt": f"Question {n} of customer {n}: when does parcel {n} arrive at my house?",
            "completion": f"Answer {n}: it arrives on day {n}, as was promised to you.",
            "customer": f"customer {n}",
        }
        for n in range(40)
    ]
    made[3]["prompt"] += f" I am {PERSON}, write to {MAIL}."
    made[9]["completion"] += f" Regards to {PERSON.upper()}!"
    made[17]["prompt"] += " My name: Vandersteen,\n Ottoline."
    made[21]["customer"] = PERSON
    made[30]["prompt"] += " Reach me at OTTOLINE.V at forgetme-example dot org, thanks."
    return made


THEIRS = (3, 9, 17, 21, 30)


def curate(store: Store, path: Path, *overrides: str):
    return run_pipeline(
        store, compose("curation", CurationConfig, [*FAST, f"source.path={path}", *overrides])
    )


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a store: a curated version, its export, a run that ate it, and an evaluation with its report."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "raw.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows()))
    with Store.open(tmp_path / "store.duckdb") as store:
        curate(store, tmp_path / "raw.jsonl")
        store.tag("good", "latest")
        version = store.resolve("latest")
        store.save_run(
            Run(
                run_id="run-0123456789ab", version=version, model="tiny", method="lora", config={}, seed=1,
                weights_digest="d" * 64, status="done",
            )
        )  # fmt: skip
        report = tmp_path / "evaluation"
        report.mkdir()
        answers = [
            {
                "task": "t", "item": "other", "role": "tuned", "prompt": "who?", "references": ["nobody"],
                "prediction": f"Ask {PERSON.lower()}.", "scores": "{}",
            },
            {
                "task": "t", "item": "third", "role": "tuned", "prompt": "who?", "references": ["nobody"],
                "prediction": "Ask nobody.", "scores": "{}",
            },
        ]  # fmt: skip
        (report / "evaluation.html").write_text(f"<p>Ask {PERSON.lower()}.</p>")
        store.save_evaluation(
            Evaluation(
                evaluation_id="eval-0123456789ab", run="run-0123456789ab", version=version, path=str(report)
            ),
            pl.DataFrame(answers, schema=ANSWER_SCHEMA),
        )
    assert ask("export", "good", "out.jsonl") == 0
    assert ask("export", "good", "out.parquet") == 0
    assert ask("backup", "copy.duckdb") == 0
    return tmp_path


def ask(*words: str) -> int:
    return main(["--store", "store.duckdb", *words])


def ids(store: Store) -> dict[int, str]:
    """Line of the raw file -> record id."""
    return dict(store.query("SELECT line - 1, record_id FROM records").iter_rows())


def has_person(content: bytes) -> bool:
    """Whether anything of the person's name or address is in bytes."""
    low = content.lower()
    return any(word in low for word in (b"ottoline", b"vandersteen", b"forgetme"))


def test_a_person_is_found_in_every_place_and_spelling(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert ask("subject", "vandersteen ottoline", MAIL.upper(), "--json") == 0
    out = capsys.readouterr().out
    found = json.loads(out)
    with Store.open("store.duckdb", read_only=True) as store:
        lines = ids(store)
        versions = store.versions()
    assert set(found["records"]) == {lines[n] for n in THEIRS}
    assert found["records"][lines[21]] == ["metadata"]
    assert {v["version"]: v["records"] for v in found["versions"]} == {v.version: 5 for v in versions}
    (run,) = found["runs"]
    assert (run["run_id"], run["weights_digest"]) == ("run-0123456789ab", "d" * 64)
    assert 3 <= run["records"] <= 5  # those of them in the train split
    assert found["answers"] == [
        {"evaluation_id": "eval-0123456789ab", "run": "run-0123456789ab", "answers": 1}
    ]
    files = {Path(f["path"]).name: (f["kind"], f["records"], f["mentions"]) for f in found["files"]}
    assert files["out.jsonl"][:2] == files["out.parquet"][:2] == ("export", 5)
    assert files["evaluation.html"] == ("evaluation", 0, 1)
    assert files["raw.jsonl"][0] == "source"
    assert files["raw.jsonl"][2] == 6
    assert not has_person(out.encode())


def test_values_are_read_from_standard_input_and_a_file(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    capsys.readouterr()
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{PERSON}\n\n"))
    assert ask("subject", "-") == 0
    assert "4 records (1 by metadata, 3 by text)" in capsys.readouterr().out
    (folder / "asked.txt").write_text(f"{PERSON}\n{MAIL}\n")
    assert ask("subject", "@asked.txt") == 0
    assert "5 records" in capsys.readouterr().out
    assert ask("subject", "Al") == 2
    assert "value 1 has fewer than 4 letters or digits" in capsys.readouterr().err
    assert ask("subject", "  ") == 2
    assert ask("subject", "@absent.txt") == 2
    assert "there is no file absent.txt" in capsys.readouterr().err
    assert ask("subject", "Nobody Atall") == 0
    assert "found nowhere" in capsys.readouterr().out


def test_forgetting_erases_and_certifies(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Store.open("store.duckdb", read_only=True) as store:
        lines = ids(store)
        old = store.resolve("good")
        others = store.read("good").frame("record_id", "messages", "split").collect()
        others = others.filter(~pl.col("record_id").is_in([lines[n] for n in THEIRS]))
    assert has_person(Path("store.duckdb").read_bytes())
    capsys.readouterr()
    assert ask("forget", PERSON, MAIL) == 0
    assert "nothing was erased; to do it" in capsys.readouterr().out.replace("\n", " ")
    assert has_person(Path("store.duckdb").read_bytes())
    assert ask("forget", PERSON, MAIL, "--yes", "--by", "Privacy Office", "--out", "certificates") == 0
    said = capsys.readouterr().out
    assert not has_person(said.encode())
    assert not has_person(Path("store.duckdb").read_bytes())
    assert not has_person(Path("out.jsonl").read_bytes())
    assert not has_person(pl.read_parquet("out.parquet").write_ndjson().encode())
    assert not Path("evaluation/evaluation.html").exists()
    assert len(Path("out.jsonl").read_text().splitlines()) == pl.read_parquet("out.parquet").height == 35
    with Store.open("store.duckdb") as store:
        new = store.version("good")
        assert (new.parent, new.stage, new.rows) == (old, "forget", 35)
        assert store.newest() == new.version
        assert store.read("good").frame("record_id", "messages", "split").collect().equals(others)
        with pytest.raises(StoreError, match="the texts of 5 of its records were erased"):
            store.read(old).frame("messages").collect()
        told = story(store, lines[3])
        assert [event.stage for event in told.events][-2:] == ["forget", "forget"]
        assert told.about["metadata"] == "{}"
        assert told.runs == ["run-0123456789ab"]
        assert [a["prediction"] for a in store.answers("latest").to_dicts()] == ["text erased", "Ask nobody."]
        (erasure,) = store.erasures("forget")
        assert set(store.forgotten()) == {lines[n] for n in THEIRS}
        for version in store.versions():
            assert version.digest == store.membership_digest(version.version)
    path, page = (Path("certificates") / f"erasure-{erasure.erasure}.{kind}" for kind in ("json", "html"))
    certificate = json.loads(path.read_text())
    assert not has_person(path.read_bytes() + page.read_bytes())
    assert "Privacy Office" in page.read_text()
    signed = {k: v for k, v in certificate.items() if k not in ("digest", "signature")}
    assert certificate["digest"] == hashlib.sha256(canonical_json(signed).encode()).hexdigest()
    asked = certificate["request"]
    assert asked["hash"] == request_hash([MAIL.upper(), f" {PERSON.lower()} "], asked["salt"])
    assert asked["hash"] != request_hash([PERSON], asked["salt"])
    assert certificate["search"]["store_before"] > 0
    assert certificate["search"]["store_after"] == certificate["search"]["values_in_store"] == 0
    assert [m["run_id"] for m in certificate["models"]] == ["run-0123456789ab"]
    undone = " ".join(certificate["not_done"])
    for named in ("raw.jsonl", "copy.duckdb", "trained on these records: 1 model;"):
        assert named in undone
    assert certificate["outcome"] == outcome(erasure.report) == "WARN"
    # Asked again nothing is left to do, and the certificate is the same.
    assert ask("forget", MAIL, PERSON, "--yes", "--out", "again") == 0
    assert "nothing more of this person was found" in capsys.readouterr().out
    assert json.loads((Path("again") / path.name).read_text()) == certificate
    # A backup is a store of its own.
    assert main(["--store", "copy.duckdb", "forget", PERSON, MAIL, "--yes", "--out", "copy"]) == 0
    assert not has_person(Path("copy.duckdb").read_bytes())


def test_what_was_forgotten_does_not_come_back(folder: Path) -> None:
    assert ask("forget", PERSON, MAIL, "--yes") == 0
    raw = folder / "raw.jsonl"
    with Store.open("store.duckdb") as store:
        steps = curate(store, raw)
        assert [step.stage for step in steps[:2]] == ["ingest", "forget"]
        assert store.version("latest").rows == 35
        last = store.version("latest").digest
    with raw.open("a") as file:
        file.write(
            json.dumps({"prompt": "A new question?", "completion": "A new answer, at last.", "customer": "x"})
            + "\n"
        )
    with Store.open("store.duckdb") as store:
        curate(store, raw)
        assert store.version("latest").rows == 36
        assert store.version("latest").digest != last
        refused = store.rejects("latest")
        assert refused["reason"].to_list() == ["forgotten"] * 5
        assert set(refused["line"]) == {n + 1 for n in THEIRS}
    assert not has_person(Path("store.duckdb").read_bytes())


def test_a_pseudonymised_person_is_found_through_the_vault(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TUNEPROOF_PII_KEY", KEY)
    Vault.create("store.vault", Key(KEY)).close()
    with Store.open("store.duckdb") as store:
        curate(store, folder / "raw.jsonl", "pii.operator=hash", f"pii.vault={folder / 'store.vault'}")
        lines = ids(store)
    assert ask("purge", "--yes") == 0
    capsys.readouterr()
    # The pattern detector found one address: of the other rows nothing but their ids is left.
    assert ask("subject", MAIL, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert "vault" in found["records"][lines[3]]
    assert found["vault_entries"] > 0
    assert ask("forget", MAIL, "--yes", "--out", "certificates") == 0
    with Vault.open("store.vault", Key(KEY)) as vault:
        assert vault.find(MAIL) == []
    with Store.open("store.duckdb") as store:
        assert lines[3] in store.forgotten()
        latest = (
            store.newest()
        )  # two rewritings in a row: the version without the record is the newest all the same
        assert latest is not None
        assert not store.present(latest, [lines[3]])
        assert store.erasures("forget")[0].report["vault"]["originals"] == 1
    # Without the key nothing is half done.
    monkeypatch.delenv("TUNEPROOF_PII_KEY")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(folder / "none"))
    assert ask("forget", PERSON, "--yes") == 2


def test_a_vault_that_curation_named_is_asked_without_being_named_again(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TUNEPROOF_PII_KEY", KEY)
    elsewhere = folder / "elsewhere.vault"
    Vault.create(elsewhere, Key(KEY)).close()
    with Store.open("store.duckdb") as store:
        curate(store, folder / "raw.jsonl", f"pii.vault={elsewhere}")
    assert ask("purge", "--yes") == 0
    capsys.readouterr()
    assert ask("purge") == 0
    assert "texts go" not in capsys.readouterr().out  # they went before
    away = elsewhere.rename(folder / "away.vault")
    assert ask("subject", MAIL) == 0
    assert "notwherethestoreknowsit:" + str(elsewhere) in "".join(capsys.readouterr().out.split())
    assert ask("subject", MAIL, "--json", "--vault", str(away)) == 0
    assert str(elsewhere) not in json.loads(capsys.readouterr().out)["files_not_found"]
    away.rename(elsewhere)
    assert ask("reveal", "<EMAIL_ADDRESS>", "--because", "complaint 1") == 0
    assert MAIL in capsys.readouterr().out
    assert ask("forget", MAIL, "--yes") == 0
    with Vault.open(elsewhere, Key(KEY)) as vault:
        assert vault.find(MAIL) == []
    Vault.create("store.vault", Key(KEY)).close()
    assert ask("subject", MAIL) == 2  # two vaults: which?


@pytest.mark.slow
def test_killed_at_any_moment_the_same_command_completes_it(folder: Path) -> None:
    keep = {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    stages = set()
    for delay in [0.15 * i for i in range(6, 40, 2)]:
        for path in [p for p in folder.rglob("*") if p.is_file()]:
            path.unlink()
        for path, content in keep.items():
            path.write_bytes(content)
        command = [sys.executable, "-m", "data", "--store", "store.duckdb", "forget", PERSON, MAIL, "--yes"]
        process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )  # fmt: skip
        time.sleep(delay)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        with Store.open("store.duckdb", read_only=True) as store:
            stages.add(tuple(e.status for e in store.erasures("forget")))
        assert ask("forget", PERSON, MAIL, "--yes") == 0
        with Store.open("store.duckdb") as store:
            (erasure,) = store.erasures("forget")
            assert erasure.status == "done"
            assert store.version("good").rows == 35
        for name in ("store.duckdb", "out.jsonl"):
            assert not has_person(Path(name).read_bytes())
        assert not Path("evaluation/evaluation.html").exists()
        assert (Path("runs/erasures") / f"erasure-{erasure.erasure}.json").exists()
        assert not list(folder.glob("*.part*"))
    assert () in stages
