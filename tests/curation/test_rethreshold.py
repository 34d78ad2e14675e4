"""Another threshold from stored scores: nothing that a full run would see is missed, and what is unknown is said."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from conf.app import compose
from curation.config import CurationConfig
from curation.pipeline import run_pipeline
from curation.rethreshold import rethreshold, show_rethreshold
from curation.undo import undo
from data.errors import ConfigError
from data.store import Store

WORDS = [f"word{n:03d}" for n in range(60)]


def tail(letter: str, count: int) -> list[str]:
    return [f"{letter}oth{n:03d}" for n in range(count)]


# Word 5-grams: of KEPT and REMOVED 56 of 67 are in both (.836), of REMOVED and LIKE_REMOVED 53 of 69 (.768), of KEPT
# and LIKE_REMOVED 48 of 75 (.64): at .8 no verdict names the last one.
KEPT = WORDS + tail("k", 6)
REMOVED = WORDS + tail("r", 5)
LIKE_REMOVED = [*tail("l", 8), *WORDS[8:], *tail("r", 5)]
PAIR = tail("p", 30)


def curate(store: Store, raw: Path, *overrides: str) -> str:
    """The version of the dedup step."""
    config = compose("curation", CurationConfig, [f"source.path={raw}", "stages=[dedup]", *overrides])
    return run_pipeline(store, config)[-1].version


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    path = tmp_path / "raw.jsonl"
    texts = [KEPT, REMOVED, LIKE_REMOVED, PAIR, [*PAIR[:-1], "else"]]
    path.write_text("".join(json.dumps({"text": " ".join(words)}) + "\n" for words in texts))
    return path


@pytest.mark.parametrize(("first", "then", "rows"), [(0.8, 0.75, 2), (0.75, 0.8, 3), (0.8, 0.9, 4)])
def test_what_no_verdict_names_is_found_by_the_sketches(
    tmp_path: Path, raw: Path, first: float, then: float, rows: int
) -> None:
    with Store.open(tmp_path / "s.duckdb") as store, Store.open(tmp_path / "full.duckdb") as full:
        curate(store, raw, f"dedup.threshold={first}")
        made = rethreshold(store, then)[-1].version
        expected = curate(full, raw, f"dedup.threshold={then}")
        assert store.verdicts(made).equals(full.verdicts(expected))
        assert store.version(made).rows == rows


def test_the_step_may_be_the_last(tmp_path: Path, raw: Path) -> None:
    with Store.open(tmp_path / "s.duckdb") as store:
        dropped = store.verdicts(curate(store, raw)).filter(action="drop")["record_id"][0]
        rows = store.version("latest").rows
        assert [step.stage for step in undo(store, dropped, "both are meant")] == ["undo"]
        assert store.version("latest").rows == rows + 1


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("dedup.max_reported=0", r"below 0.9 \(dedup.max_reported=0\)"),
        ("dedup.max_reported=1", r"below 0.8358 \(dedup.max_reported=1\)"),
        ("dedup.store_from=0.95", "below the stored threshold of 0.9"),
        ("dedup.store_from=0.8", "below dedup.store_from=0.8"),
    ],
)
def test_scores_that_were_not_stored_are_not_guessed(
    tmp_path: Path, raw: Path, override: str, said: str
) -> None:
    with Store.open(tmp_path / "s.duckdb") as store:
        version = curate(store, raw, "dedup=exact_join", "dedup.threshold=0.9", override)
        with pytest.raises(ConfigError, match=said):
            rethreshold(store, 0.79)
        assert store.resolve("latest") == version


def test_a_looser_one_says_how_many_pairs_were_stored(tmp_path: Path, raw: Path) -> None:
    console = Console(record=True, width=100, file=io.StringIO())
    with Store.open(tmp_path / "s.duckdb") as store:
        curate(store, raw, "dedup.threshold=0.9")
        config = compose("curation", CurationConfig, ["rethreshold=dedup", "dedup.threshold=0.75"])
        show_rethreshold(store, config, console)
    # 14 bands of 9 rows at .9: 1 - (1 - .75^9)^14 = .66
    assert "of pairs as near as 0.75 about 66% were stored (looked for at 0.9)" in console.export_text()
