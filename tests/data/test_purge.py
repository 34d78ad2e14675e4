"""A purge: originals go from the file's bytes, the story stays, and a curation of the same source still works."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from audit.config import AuditConfig
from audit.running import audit
from conf.app import StoreConfig, compose
from curation.config import CurationConfig
from curation.pipeline import run_pipeline
from curation.undo import undo
from data.__main__ import main
from data.bytescan import WINDOW, Needles, decoded_chunks, file_chunks, windows_of
from data.errors import StoreError
from data.lineage import difference, story
from data.purge import planned, purge
from data.retention import holding_originals, overdue, set_days
from data.store import Store

ROWS = 60
FAST = ["pii=patterns", "outliers=off", "dedup=off", "quality=off", "split.test=0.2"]


def address(number: int) -> str:
    return f"kim.{number:03d}@purged-example.org"


def rows() -> list[dict[str, Any]]:
    """Every third row without an address: scrubbing leaves it as it is. Rows 1 and 31 are equal."""
    numbers = [n if n != 31 else 1 for n in range(ROWS)]
    return [
        {
            "prompt": f"Question {n}: "
            + (f"write to {address(n)} please." if n % 3 else "is this number nice?"),
            "completion": f"Answer {n}, with some more words so that it is long enough.",
        }
        for n in numbers
    ]


def source(folder: Path) -> Path:
    path = folder / "raw.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows()), encoding="utf-8")
    return path


def curate(store: Store, path: Path, *overrides: str):
    return run_pipeline(
        store, compose("curation", CurationConfig, [*FAST, f"source.path={path}", *overrides])
    )


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """A closed store with a curated version."""
    with Store.open(tmp_path / "store.duckdb") as store:
        curate(store, source(tmp_path))
        store.tag("good", "latest")
    return tmp_path / "store.duckdb"


def in_bytes(path: Path) -> int:
    content = path.read_bytes()
    return sum(address(n).encode() in content for n in range(ROWS))


def ask(path: Path, *words: str) -> int:
    return main(["--store", str(path), *words])


def test_the_bytes_lose_the_texts_and_the_story_stays(made: Path) -> None:
    with Store.open(made) as store:
        held = [n for n in range(ROWS) if n % 3 and n != 31]
        before = {v.version: (v.rows, v.dropped, v.edited, v.digest) for v in store.versions()}
        raw = store.lineage("good")[0].version
        told = store.verdicts("good").drop("messages")
        changes = difference(store, raw, "good")
        kept = store.read("good").frame("record_id", "messages").collect()
    assert in_bytes(made) == len(held)
    with Store.open(made) as store:
        plan = planned(store)
        # Every text with an address was changed by scrubbing; all others are in the scrubbed version too.
        assert plan.texts == len(held)
        assert {v.stage for v in plan.versions} == {"ingest", "exact"}
        erasure = purge(store, plan)
    assert in_bytes(made) == 0
    assert erasure.report["store_before"] == erasure.report["search"]["seekable"] == len(held)
    assert erasure.report["store_after"] == 0
    assert sorted(p.name for p in made.parent.iterdir()) == ["raw.jsonl", "store.duckdb"]
    with Store.open(made) as store:
        after = {v.version: (v.rows, v.dropped, v.edited, v.digest) for v in store.versions()}
        assert {k: v[:3] for k, v in after.items()} == {k: v[:3] for k, v in before.items()}
        # Digests over plain hashes of what is gone are made again; those of versions that kept all are as they were.
        changed = {k for k in after if after[k][3] != before[k][3]}
        assert changed == {v.version for v in plan.versions}
        assert after == {
            v.version: (v.rows, v.dropped, v.edited, store.membership_digest(v.version))
            for v in store.versions()
        }
        assert store.verdicts("good").drop("messages").equals(told)
        assert store.read("good").frame("record_id", "messages").collect().equals(kept)
        assert difference(store, raw, "good").equals(changes)
        edited = changes.filter(pl.col("change") == "edited")["record_id"][0]
        last = story(store, edited).events[-1]
        assert (last.version, last.stage, last.what) == (erasure.erasure, "purge", "text erased")
        with pytest.raises(StoreError, match=f"the texts of {len(held) + 1} of its records were erased"):
            store.read(raw).frame("messages").collect()
        readable = store.read(raw, readable=True).frame("text").collect()["text"]
        assert readable.len() == before[raw][0] - len(held) - 1  # rows 1 and 31 are equal
        assert planned(store).texts == 0
        # What is written next is newer than what was there.
        store.apply(
            "good", stage="probe", config={}, code="c", verdicts=store.verdicts("good").clear(), reasons={}
        )
        assert store.version("latest").stage == "probe"


def test_no_hash_of_a_purged_text_is_left(made: Path) -> None:
    with Store.open(made) as store:
        hashes = store.query(
            """SELECT DISTINCT text_hash FROM members EXCEPT
            SELECT text_hash FROM members WHERE version = ?""",
            [store.resolve("good")],
        )["text_hash"].to_list()
        purge(store, planned(store))
    assert hashes
    with Store.open(made) as store:
        for table, column in (
            ("members", "text_hash"), ("verdicts", "text_hash"), ("sketches", "text_hash"),
            ("records", "raw_text_hash"),
        ):  # fmt: skip
            left = store.query(f"SELECT 1 AS x FROM {table} WHERE list_contains($1, {column})", [hashes])
            assert left.is_empty(), table
        # Equal texts have equal commitments, others have others; and they say that they are none.
        found = store.query(
            """SELECT count(DISTINCT record_id) AS r, count(DISTINCT text_hash) AS h FROM members
            WHERE starts_with(text_hash, 'purged-')"""
        ).row(0)
        assert found[0] >= found[1] == len(hashes)


def test_curation_again_costs_nothing_or_reads_the_source_and_says_so(
    made: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Store.open(made) as store:
        first = [v.version for v in store.versions()]
        members = store.read("good").frame("record_id", "split", "messages").collect()
        purge(store, planned(store))
    raw = made.parent / "raw.jsonl"
    with Store.open(made) as store:
        again = curate(store, raw)
        assert all(step.reused for step in again)
        assert [v.version for v in store.versions()] == first
        assert "read again" not in capsys.readouterr().err
        # Another setting of scrubbing needs the texts.
        steps = curate(store, raw, "pii.operator=numbered")
        said = " ".join(capsys.readouterr().err.split())
        assert f"the source is read again as {steps[0].version}" in said
        assert "The originals are in the store again until the next: python -m data purge --yes" in said
        assert steps[0].version not in first
        new = store.read("latest").frame("record_id", "split", "text").collect()
        assert new.select("record_id", "split").equals(members.select("record_id", "split"))
        assert "<EMAIL_ADDRESS_1>" in " ".join(new["text"])
        assert holding_originals(store)[0] == steps[0].version
        curate(store, raw, "pii.operator=numbered")
        assert "read again" not in capsys.readouterr().err
        # Reading it in another way is another ingest, and brings them back too.
        curate(store, raw, "pii.operator=numbered", "source.groups=[team]")
        assert "The originals are in the store again" in capsys.readouterr().err
        purge(store, planned(store))
    assert in_bytes(made) == 0


def test_undo_of_an_erased_text_is_a_plain_error(made: Path) -> None:
    with Store.open(made) as store:
        dropped = store.query("SELECT record_id FROM verdicts WHERE action = 'drop'")["record_id"].item()
        purge(store, planned(store))
    with Store.open(made) as store:
        with pytest.raises(StoreError, match=f"the text of {dropped} was erased: it cannot be brought back"):
            undo(store, dropped, "")
        assert store.newest() == store.resolve("good")


def test_the_audit_works_after_a_purge_and_names_what_is_left(made: Path, tmp_path: Path) -> None:
    config = AuditConfig(
        store=StoreConfig(path=str(made)),
        checks=["PII-003", "LIN-001", "LIN-002"],
        out=str(tmp_path / "report"),
    )

    def outcome() -> dict[str, dict[str, Any]]:
        assert audit(config) == 0
        body = json.loads((tmp_path / "report" / "audit.json").read_text())
        return {f["name"]: f for f in body["facts"] if f["slice"] == "all"}

    before = outcome()
    # 39 originals say little: with none found, up to 7.4 % may have left a trace.
    assert before["PII-003"]["outcome"] == "INSUFFICIENT"
    assert "2 versions before scrubbing" in before["PII-003"]["detail"]["says"]
    with Store.open(made) as store:
        purge(store, planned(store))
    after = outcome()
    assert "versions before scrubbing" not in after["PII-003"]["detail"]["says"]
    assert after["PII-003"]["n"] == before["PII-003"]["n"]
    assert {after[name]["outcome"] for name in ("LIN-001", "LIN-002")} == {"PASS"}


def test_a_leak_in_an_export_is_found_by_the_audit(made: Path, tmp_path: Path) -> None:
    export = tmp_path / "out.jsonl"
    assert ask(made, "export", "good", str(export)) == 0
    export.write_text(
        export.read_text() + json.dumps({"note": f"Question 4: write to {address(4)} please."}) + "\n"
    )
    config = AuditConfig(store=StoreConfig(path=str(made)), check="PII-003", out=str(tmp_path / "report"))
    audit(config)
    facts = json.loads((tmp_path / "report" / "audit.json").read_text())["facts"]
    assert facts[0]["outcome"] == "WARN"
    assert [f["slice"] for f in facts[1:]] == [f"place=export {export}"]
    assert address(4) not in json.dumps(facts)


def test_places_are_searched_and_named(
    made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    raw, scrubbed, backup = tmp_path / "unscrubbed.parquet", tmp_path / "good.jsonl", tmp_path / "copy.duckdb"
    assert ask(made, "export", "v-", str(raw)) == 2
    with Store.open(made) as store:
        first = store.lineage("good")[0].version
    assert ask(made, "export", first, str(raw), "--allow-unscrubbed") == 0
    assert ask(made, "export", "good", str(scrubbed)) == 0
    assert ask(made, "backup", str(backup)) == 0
    capsys.readouterr()
    assert ask(made, "purge") == 0
    assert "nothing was deleted; to do it: python -m data" in capsys.readouterr().out.replace("\n", " ")
    assert in_bytes(made) == 39
    assert ask(made, "purge", "--yes") == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "texts seen in the store now 0" in said
    with Store.open(made) as store:
        (done,) = store.erasures("purge")
    found = {Path(seen["path"]).name: seen["found"] for seen in done.report["elsewhere"]}
    # A Parquet file is compressed, and a backup is a store: both are read as what they are.
    assert found == {"unscrubbed.parquet": 39, "good.jsonl": 0, "copy.duckdb": 39}
    assert "raw.jsonl" in said
    assert ask(made, "purge", "--yes") == 0
    assert "nothing to delete" in capsys.readouterr().out


def test_mistakes_are_plain_and_delete_nothing(
    made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Store.open(tmp_path / "bare.duckdb") as store:
        curate(store, made.parent / "raw.jsonl", "pii=off")
    assert ask(tmp_path / "bare.duckdb", "purge", "--yes") == 2
    assert "a purge would delete every text" in capsys.readouterr().err
    assert ask(made, "purge", "--before", "nowhere", "--yes") == 2
    assert "no version 'nowhere'" in capsys.readouterr().err
    assert in_bytes(made) == in_bytes(tmp_path / "bare.duckdb") == 39


def test_tagging_is_no_scrubbing(tmp_path: Path) -> None:
    with Store.open(tmp_path / "store.duckdb") as store:
        curate(store, source(tmp_path), "pii.operator=tag")
        with pytest.raises(StoreError, match="would delete every text"):
            planned(store)
    assert ask(tmp_path / "store.duckdb", "export", "latest", str(tmp_path / "out.jsonl")) == 2


def test_the_retention_period_warns(made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Store.open(made) as store:
        later = datetime.now(UTC) + timedelta(days=31)
        assert overdue(store, now=later) is None  # no period was set
        set_days(store, 30)
        assert overdue(store) is None
        over = overdue(store, now=later)
        assert over is not None
        assert (over.days, over.age, len(over.versions)) == (30, 31, 2)
        store.connection.execute("UPDATE versions SET created = created - INTERVAL 40 DAY")
    assert ask(made, "status") == 0
    assert "originals are in the store for 40 days, 30 allowed" in " ".join(capsys.readouterr().out.split())
    with Store.open(made) as store:
        purge(store, planned(store))
    with Store.open(made) as store:
        assert overdue(store, now=later) is None


def test_needles_are_found_at_every_place_and_cut() -> None:
    text = "the quick brown fox jumps over the lazy dog by the river"
    windows = windows_of([text], ["the quick brown fox walks over the lazy dog by the river"])
    assert windows
    assert all(
        len(w) == WINDOW and w not in b"the quick brown fox walks over the lazy dog by the river"
        for w in windows
    )
    needles = Needles({window: [7] for window in windows})
    for place in range(40):
        data = b"x" * place + text.encode() + b"y" * 30
        assert needles.owners_in([data]) == {7}
        assert needles.owners_in(data[i : i + 9] for i in range(0, len(data), 9)) == {7}
    assert needles.owners_in([b"nothing of it " * 50]) == set()
    assert windows_of(["short"]) == windows_of([text], [text]) == []


def test_compressed_files_are_read_as_what_they_are(tmp_path: Path) -> None:
    import gzip

    needles = Needles({b"sixteen letters!": [0]})
    path = tmp_path / "a.txt.gz"
    path.write_bytes(gzip.compress(b"before sixteen letters! after" * 3))
    assert needles.owners_in(file_chunks(path)) == set()
    decoded = decoded_chunks(path)
    assert decoded is not None
    assert needles.owners_in(decoded) == {0}


@pytest.mark.slow
def test_killed_at_any_moment_it_is_the_old_store_or_the_new_one(made: Path) -> None:
    content = made.read_bytes()
    done = 0
    for delay in [0.1 * i for i in range(8, 40, 2)]:
        for file in made.parent.glob("store.duckdb*"):
            file.unlink()
        made.write_bytes(content)
        process = subprocess.Popen(
            [sys.executable, "-m", "data", "--store", str(made), "purge", "--yes"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=Path(__file__).parents[2],
        )  # fmt: skip
        time.sleep(delay)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        with Store.open(made) as store:
            gone = planned(store).texts == 0
            assert len(store.erasures("purge")) == gone
            assert store.read("good").frame("messages").collect().height > 0
        assert in_bytes(made) == (0 if gone else 39)
        done += gone
        if not gone:
            assert ask(made, "purge", "--yes") == 0
        assert in_bytes(made) == 0
        assert not list(made.parent.glob("*.part*"))
    assert done < 16
