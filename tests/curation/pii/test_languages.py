"""A text in a language that is not configured is flagged, and read all the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from conf.app import run
from curation.__main__ import run as curate
from curation.config import CurationConfig
from curation.pii import Engine, PiiConfig, judge
from curation.pii.languages import other_language
from data.records import FrameRecords

GERMAN = (
    "Ich habe gestern meine Tante in Hamburg besucht, und wir sind zusammen an der Alster spazieren gegangen. "
    "Danach gab es Kaffee und Kuchen im Garten, und am Abend hat sie mir ihre alten Briefe gezeigt."
)
ENGLISH = (
    "Yesterday I visited my aunt in Hamburg and we walked along the river together. Later there was coffee and cake "
    "in the garden, and in the evening she showed me her old letters."
)


@pytest.mark.parametrize(
    ("text", "languages", "flagged"),
    [
        (GERMAN, ["en"], True),
        (GERMAN, ["en", "de"], False),
        (ENGLISH, ["en"], False),
        (ENGLISH, ["de"], True),
        ("Guten Tag, Herr Meier.", ["en"], False),  # too short to tell
        (f"{ENGLISH}\n```\n{GERMAN}\n```", ["en"], False),  # a block of code
        ("x = 1\n" * 80, ["en"], False),
        ("", ["en"], False),
    ],
)
def test_which_texts_are_flagged(text: str, languages: list[str], *, flagged: bool) -> None:
    assert other_language([text], languages) == [flagged]


@pytest.mark.parametrize("engine", [Engine.presidio, Engine.patterns])
def test_the_tag(engine: Engine) -> None:
    text = f"{GERMAN} Schreiben Sie an anna@acme.org."
    records = FrameRecords.of(
        {"messages": [{"role": "user", "content": text}]},
        {"messages": [{"role": "user", "content": ENGLISH}]},
    )
    said = judge(records, PiiConfig(engine=engine, entities=["EMAIL_ADDRESS", "PERSON"])).to_dicts()
    tags = {row["record_id"] for row in said if row["reason"] == "pii_other_language"}
    # `patterns` looks for no names, so it misses none.
    assert len(tags) == (0 if engine is Engine.patterns else 1)
    (masked,) = [
        row for row in said if row["action"] == "edit" and row["record_id"] in (tags or {row["record_id"]})
    ]
    assert "anna@acme.org" not in str(masked["messages"])


@pytest.mark.parametrize("language", ["xx", "EN", "german", ""])
def test_a_language_that_is_never_found_is_refused(
    language: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["curation", "source.path=raw.jsonl", f"pii.languages=[en,'{language}']"])
    assert run("curation", CurationConfig, curate) == 2
    said = capsys.readouterr().err
    assert f"pii.languages holds '{language}'" in said
    assert "known: " in said and " de, " in said and " tr, " in said
    assert PiiConfig(languages=["en", "de", "tr"]).languages == ["en", "de", "tr"]
