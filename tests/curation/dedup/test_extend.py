"""New records beside old ones: only what is new is read and compared, and what was kept stays kept."""

from __future__ import annotations

import json
import random
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from conf.app import compose
from curation.config import CurationConfig
from curation.dedup import DedupConfig, extend, sketch_batch
from curation.dedup.config import Keys
from curation.dedup.record_texts import RecordTexts
from curation.dedup.sketch import Sketch, shape, sketch
from curation.grown import Earlier, Grown
from curation.pipeline import run_pipeline
from curation.stages import STAGES
from data.records import FrameRecords
from data.store import Store

WORDS = [chr(97 + n % 26) * (2 + n % 5) for n in range(60)]


def text(number: int) -> str:
    return " ".join(random.Random(number).choices(WORDS, k=40))


def edited(number: int, extra: str = "tail") -> str:
    return f"{text(number)} {extra}"


def curate(store: Store, path: Path, texts: list[str]) -> str:
    lines = [json.dumps({"prompt": f"Say {n}", "completion": t}) for n, t in enumerate(texts)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    config = compose(
        "curation", CurationConfig, [f"source.path={path}", "stages=[exact,dedup]", "dedup.keys=answer"]
    )
    return run_pipeline(store, config)[-1].version


def lines(store: Store, version: str) -> dict[int, tuple[str, int | None]]:
    """raw line -> (reason, line of the partner) of what was dropped."""
    rows = store.query(
        """SELECT r.line, d.reason, p.line FROM verdicts d JOIN records r USING (record_id)
        LEFT JOIN records p ON p.record_id = d.partner WHERE d.version = ? AND d.action = 'drop'""",
        [version],
    ).rows()
    return {line: (reason, partner) for line, reason, partner in rows}


def test_what_was_kept_stays_and_is_named(tmp_path: Path) -> None:
    old = [text(n) for n in range(60)] + [edited(0, "a longer tail here")]
    # The longest is kept: of 0 and 60 it is 60. A still longer new one does not take its place.
    new = [edited(0, "a longer tail here and here"), edited(1), text(1000), edited(1000)]
    with Store.open(tmp_path / "store.duckdb") as store:
        first = curate(store, tmp_path / "raw.jsonl", old)
        assert lines(store, first) == {1: ("dedup_near", 61)}
        second = curate(store, tmp_path / "raw.jsonl", old + new)
        assert lines(store, second) == {
            1: ("dedup_near", 61),
            62: ("dedup_near", 61),
            63: ("dedup_near", 2),
            64: ("dedup_near", 65),
        }
        assert store.version(second).rows == 61
        before, after = (
            set(store.read(v).frame("record_id").collect()["record_id"]) for v in (first, second)
        )
        assert before < after
        third = curate(store, tmp_path / "raw.jsonl", old + new + [edited(1, "tail again")])
        assert lines(store, third)[66] == ("dedup_near", 2)


def test_each_text_is_sketched_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sketched: list[int] = []

    def counting(batch: pl.DataFrame, config: DedupConfig) -> pl.Series:
        sketched.append(batch.height)
        return sketch_batch(batch, config)

    monkeypatch.setattr(STAGES["dedup"].sketches, "sketch_batch", counting)
    with Store.open(tmp_path / "store.duckdb") as store:
        curate(store, tmp_path / "raw.jsonl", [text(n) for n in range(50)])
        curate(store, tmp_path / "raw.jsonl", [text(n) for n in range(53)])
        assert sum(sketched) == 53
        kinds = store.query("SELECT kind, count(*) FROM sketches GROUP BY ALL ORDER BY ALL").rows()
        assert [(kind.split(":")[0], count) for kind, count in kinds] == [("dedup", 53), ("exact", 53)]


def test_a_stored_sketch_is_the_sketch() -> None:
    config = DedupConfig()
    records = FrameRecords.of(
        *(
            {"messages": [{"role": "user", "content": f"{n}"}, {"role": "assistant", "content": text(n)}]}
            for n in range(9)
        )
    )
    made = sketch(RecordTexts([records], config.columns).chunks(), config)
    stored = sketch_batch(records.frame(*config.columns).collect(), config)
    back = Sketch.unpacked(stored, shape(config)[0])
    for name in ("keys", "whole", "words"):
        np.testing.assert_array_equal(getattr(back, name), getattr(made, name))
    assert len(Sketch.unpacked(stored.clear(), shape(config)[0])) == 0


def test_kept_records_that_meet_no_new_one_change_nothing(tmp_path: Path) -> None:
    """The verdicts with all kept records beside the new ones are those with the few that share a key with one."""
    draw = random.Random(3)
    old = [text(n) for n in range(120)]
    new = [edited(n) for n in range(0, 60, 3)] + [text(n) for n in range(500, 520)]
    for n in range(20):  # from just like an old one to not at all
        words = text(n + 60).split()
        for at in draw.sample(range(40), k=n // 3):
            words[at] = draw.choice(WORDS)
        new.append(" ".join(words))
    with Store.open(tmp_path / "store.duckdb") as store:
        first = store.version(curate(store, tmp_path / "raw.jsonl", old))
        second = store.version(curate(store, tmp_path / "raw.jsonl", old + new))
        assert first.parent is not None and second.parent is not None
        kind = store.query("SELECT DISTINCT kind FROM sketches WHERE starts_with(kind, 'dedup:')").item()
        found = []
        for known in ("", kind):
            grown = Grown(
                old=store.read(first.parent, sketch_kind=known),
                kept=store.read(first.version, sketch_kind=known),
                new=store.read(second.parent, but=first.parent, sketch_kind=known),
                said=Earlier(store, first.version).said,
            )
            given, again = extend(grown, DedupConfig(keys=Keys.answer))
            found.append((given.sort("record_id", "action", "reason"), sorted(again)))
        assert found[0][0].equals(found[1][0])
        assert found[0][1] == found[1][1]
        assert found[0][0].filter(action="drop").height > 20


def test_sketches_that_are_gone_are_made_again(tmp_path: Path) -> None:
    with Store.open(tmp_path / "store.duckdb") as store:
        curate(store, tmp_path / "raw.jsonl", [text(n) for n in range(50)])
        store.connection.execute("DELETE FROM sketches")
        store.connection.execute("DELETE FROM meta WHERE starts_with(key, 'sketched:')")
        second = curate(store, tmp_path / "raw.jsonl", [text(n) for n in range(50)] + [edited(3)])
        assert lines(store, second) == {51: ("dedup_near", 4)}
        assert store.query("SELECT count(*) FROM sketches").item() == 102
