"""The model of languages: unpacked once, and the same as the one in the wheel."""

from __future__ import annotations

from pathlib import Path

import pytest
from py3langid.langid import MODEL_FILE, LanguageIdentifier

from curation.languages import identifier

TEXTS = [
    "Das ist ein ganz gewöhnlicher Satz über das Wetter von morgen.",
    "C'est une phrase tout à fait ordinaire sur le temps de demain.",
    "An ordinary sentence about tomorrow's weather.",
    "これはごく普通の文です。",
    "x",
    "",
]


@pytest.mark.parametrize("place", ["new", "kept", "closed"])
def test_the_unpacked_model_says_what_the_packed_one_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    if place == "closed":  # a file stands where the folder would be
        (tmp_path / "tuneproof").write_text("")
    load = identifier.__wrapped__
    found = load() if place != "kept" else (load(), load())[1]
    plain = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    assert [found.classify(text) for text in TEXTS] == [plain.classify(text) for text in TEXTS]
    assert found.labels == plain.labels
    folders = [] if place == "closed" else list((tmp_path / "tuneproof").iterdir())
    assert [len(list(folder.iterdir())) for folder in folders] == ([] if place == "closed" else [6])
