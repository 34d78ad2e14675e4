"""Records that are added: a stage that judges only these says what it would say of all, and just that is stored."""

from __future__ import annotations

import json
import random
from pathlib import Path

import polars as pl
import pytest

from conf.app import compose
from curation import pipeline
from curation.config import CurationConfig
from curation.pipeline import run_pipeline
from curation.stages import STAGES
from data.store import Store
from data.verdicts import verdicts

WORDS = [f"word{n}" for n in range(60)]
STEPS = (80, 12, 1, 25)  # records that come at a time
STAGES_USED = "stages=[exact,quality,split]"


def rows(seed: int) -> list[dict[str, str]]:
    """Records of which many are equal, nearly equal, ask the same, or tie two others together."""
    draw = random.Random(seed)
    made: list[dict[str, str]] = []
    for number in range(sum(STEPS)):
        said = " ".join(draw.choices(WORDS, k=draw.choice((3, 30, 30, 60))))
        row = {"prompt": f"What is said in number {number}?", "completion": said, "label": "", "team": ""}
        kind = draw.random()
        if made and kind < 0.7:
            other = draw.choice(made)
            if kind < 0.1:
                row["completion"], row["prompt"] = other["completion"], other["prompt"].upper()
            elif kind < 0.3:
                words = other["completion"].split()
                words[draw.randrange(len(words))] = draw.choice(WORDS)
                row["completion"], row["prompt"] = " ".join(words), other["prompt"]
            elif kind < 0.4:
                row["prompt"] = other["prompt"]
            elif kind < 0.6:
                half = other["completion"].split()
                more = draw.choice(made)["completion"].split()
                row["completion"] = " ".join([*half, *more[: len(more) // 4]])
            else:
                row["team"] = other["team"] or f"t{number}"
        made.append(row)
    return made


def config(folder: Path, *overrides: str) -> CurationConfig:
    given = [f"source.path={folder}/raw", "source.licence=MIT", STAGES_USED, f"out={folder}/out", *overrides]
    return compose("curation", CurationConfig, given)


def add(folder: Path, number: int, some: list[dict[str, str]]) -> None:
    (folder / "raw").mkdir(exist_ok=True)
    (folder / "raw" / f"{number}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in some))


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (1, 2, 3))])
@pytest.mark.parametrize(
    "overrides", [(), ("split.group_by=[team]", "split.test=0.3"), ("exact.normalise=false",)]
)
def test_what_is_said_of_new_records_is_what_would_be_said_of_all(
    tmp_path: Path, seed: int, overrides: tuple[str, ...]
) -> None:
    everything = rows(seed)
    again_judged = 0
    with Store.open(tmp_path / "store.duckdb") as store:
        start = 0
        for number, count in enumerate(STEPS):
            add(tmp_path, number, everything[start : start + count])
            start += count
            settings = config(tmp_path, *overrides)
            for step in run_pipeline(store, settings)[1:]:
                version, stage = store.version(step.version), STAGES[step.stage]
                assert version.parent is not None
                said = store.verdicts(step.version)
                kinds = store.query(
                    "SELECT DISTINCT kind FROM sketches WHERE starts_with(kind, ?)", [f"{step.stage}:"]
                )
                kind = kinds["kind"].to_list()[0] if kinds.height else ""
                own = getattr(settings, step.stage)
                judged = verdicts(stage.judge(store.read(version.parent, sketch_kind=kind), own))
                order = ["record_id", "action", "reason"]
                assert said.equals(judged.sort(order)), f"{step.stage}, step {number}"
                again_judged += number > 0 and stage.extend is not None
                assert store.membership_digest(step.version) == version.digest
                assert version.assigned == judged.filter(action="assign").height
                assert version.dropped == judged.filter(action="drop").height
                assert version.tagged == judged.filter(action="tag")["record_id"].n_unique()
        assert again_judged == 2 * (len(STEPS) - 1)
        # What was added is stored, not the whole again.
        written = store.query("SELECT count(*) AS n FROM member_rows")["n"].item()
        whole = sum(version.rows for version in store.versions())
        assert written < 0.6 * whole


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (1, 2))])
def test_the_certificate_of_what_was_added_counts_what_a_new_one_counts(tmp_path: Path, seed: int) -> None:
    everything = rows(seed)
    with Store.open(tmp_path / "store.duckdb") as store:
        start = 0
        for number, count in enumerate(STEPS):
            add(tmp_path, number, everything[start : start + count])
            start += count
            settings = config(tmp_path)
            last = store.version(run_pipeline(store, settings)[-1].version)
            fact = store.facts(last.version, "split_certificate").to_dicts()[0]
            assert ("new records" in fact["method"]) == (number > 0)
            assert last.parent is not None
            pipeline.measure(store, last.parent, last.version, STAGES["split"], settings.split)
            full = store.facts(last.version, "split_certificate").to_dicts()[0]
            same = ("value", "n", "outcome", "detail", "signature")
            assert {key: fact[key] for key in same} == {key: full[key] for key in same}


def test_a_pair_across_splits_is_counted_where_records_were_added(tmp_path: Path) -> None:
    """The certificate looks at the splits as they are, whoever placed the records."""
    from curation.split.certificate import measure_grown

    text = " ".join(WORDS[:30])
    add(
        tmp_path,
        0,
        [{"prompt": "Say it.", "completion": text}, {"prompt": "Or this.", "completion": "Quite other."}],
    )
    with Store.open(tmp_path / "store.duckdb") as store:
        first = run_pipeline(store, config(tmp_path))[-1].version
        add(tmp_path, 1, [{"prompt": "Say it, too.", "completion": text}])
        settings = config(tmp_path, "dedup=off")
        second = run_pipeline(store, settings)[-1].version
        kind = store.query("SELECT DISTINCT kind FROM sketches WHERE starts_with(kind, 'split:')")[
            "kind"
        ].item()
        after = store.read(second, sketch_kind=kind).frame("record_id", "split").collect()
        assert after.height == 3
        store.connection.execute("UPDATE member_rows SET split = 'test' WHERE part = ?", [first])
        store.connection.execute("UPDATE member_rows SET split = 'train' WHERE part = ?", [second])
        facts = measure_grown(
            store.read(second),
            store.read(first, sketch_kind=kind),
            store.read(second, but=first, sketch_kind=kind),
            store.facts(first),
            {},
            settings.split,
        )
        assert facts is not None
        assert (facts[0].value, facts[0].outcome) == (1.0, "FAIL")


def test_rows_that_go_are_not_taken_over(tmp_path: Path) -> None:
    """A file that is gone leaves records that were judged before: all are looked at again, and the rest is right."""
    everything = rows(5)
    add(tmp_path, 0, everything[:60])
    add(tmp_path, 1, everything[60:])
    with Store.open(tmp_path / "store.duckdb") as store:
        run_pipeline(store, config(tmp_path))
        (tmp_path / "raw" / "0.jsonl").unlink()
        steps = run_pipeline(store, config(tmp_path))
        found = [
            store.read(step.version).frame("record_id", "text_hash", "split").collect() for step in steps
        ]
    with Store.open(tmp_path / "fresh.duckdb") as fresh:
        alone = run_pipeline(fresh, config(tmp_path))
        for frame, step in zip(found[:-1], alone, strict=False):
            assert frame.equals(fresh.read(step.version).frame("record_id", "text_hash", "split").collect())
    assert isinstance(found[-1], pl.DataFrame)
    assert set(found[-1]["split"]) <= {"train", "validation", "test"}
