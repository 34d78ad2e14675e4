"""Findings are kept by text and detector: with other packages or other recognisers they are made anew."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from conf.app import compose
from curation.config import CurationConfig
from curation.pii import Engine, PiiConfig, detect, versions
from curation.pii.config import usual
from curation.pii.recognizers import own_recognizers
from curation.pii.versions import detector_version
from curation.pipeline import run_pipeline
from data.errors import UserError
from data.store import Store


def test_each_engine_has_a_version_of_its_own() -> None:
    assert len({detector_version(usual(engine)) for engine in Engine}) == 3


def test_another_package_is_another_detector(monkeypatch: pytest.MonkeyPatch) -> None:
    before = {engine: detector_version(usual(engine)) for engine in Engine}
    real = versions.version
    monkeypatch.setattr(versions, "version", lambda name: "99" if name == "onnxruntime" else real(name))
    after = {engine: detector_version(usual(engine)) for engine in Engine}
    assert {engine for engine in Engine if before[engine] != after[engine]} == {Engine.best}


def test_an_edited_recogniser_is_another_detector(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = tmp_path / "edited_recognizers.py"
    module.write_text("A = 1\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    config = PiiConfig(recognizers=["edited_recognizers.A"])
    before = detector_version(config)
    module.write_text("A = 2\n", encoding="utf-8")
    assert detector_version(config) != before != detector_version(PiiConfig())
    sys.modules.pop("edited_recognizers", None)


@pytest.mark.parametrize("path", ["no_such_package.module.A", "..A", "A"])
def test_a_recogniser_that_is_not_there_is_a_plain_error(path: str) -> None:
    assert detector_version(PiiConfig(recognizers=[path]))  # the engine says it
    with pytest.raises(UserError, match=r"pii\.recognizers"):
        own_recognizers([path])


def test_an_appended_set_costs_its_new_texts_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[str] = []
    real = detect._find
    monkeypatch.setattr(detect, "_find", lambda texts, config: looked.extend(texts) or real(texts, config))
    file = tmp_path / "raw.jsonl"

    def curate(store: Store, rows: int) -> None:
        lines = [
            json.dumps(
                {"prompt": f"Question {n}?", "completion": f"Ragnhild Hedlund answered number {n} in May."}
            )
            for n in range(rows)
        ]
        file.write_text("\n".join(lines) + "\n", encoding="utf-8")
        overrides = [
            f"source.path={file}",
            "pii=best",
            "quality=off",
            "dedup=off",
            "outliers=off",
            "split.test=0.2",
        ]
        run_pipeline(store, compose("curation", CurationConfig, overrides))

    with Store.open(tmp_path / "store.duckdb") as store:
        curate(store, 6)
        first = set(looked)
        looked.clear()
        curate(store, 6)
        assert looked == []
        curate(store, 8)
        originals = [text for text in looked if "<" not in text]
        assert {text for text in originals if "number" in text} == {
            f"Ragnhild Hedlund answered number {n} in May." for n in (6, 7)
        }
        assert first.isdisjoint(originals)
        edited = store.query("SELECT count(*) AS n FROM verdicts WHERE reason = 'pii_masked'")["n"].item()
        assert edited >= 8
