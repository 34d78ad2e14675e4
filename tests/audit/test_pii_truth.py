"""PII-011: detection scored against a labelled file, in facts, report and terminal, without a value in any of them."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from audit.checks import run_checks, selected
from audit.config import AuditConfig, TruthConfig
from audit.context import Context
from audit.pii_labelled import read
from audit.running import audit
from conf.app import StoreConfig
from data.errors import ConfigError, SourceError
from data.facts import Fact, Outcome
from data.store import Store

ROWS: list[dict[str, Any]] = [
    {"text": "Mail jane@acme.org today", "spans": [{"start": 5, "end": 18, "type": "EMAIL"}], "locale": "en"},
    {
        "text": "Konto GB33BUKB20201555555555",
        "spans": [{"start": 6, "end": 28, "type": "IBAN"}],
        "locale": "de",
    },
    {"text": "Ask Jane Roe", "spans": [{"start": 4, "end": 12, "type": "PERSON", "origin": "English"}]},
    {"text": "ask jane roe of 203.0.113.77", "spans": [{"start": 4, "end": 12, "type": "PERSON"}]},
]


def written(folder: Path, rows: list[dict[str, Any]] = ROWS) -> Path:
    path = folder / "truth.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def facts_of(workshop: Any, config: AuditConfig) -> dict[str, Fact]:
    with Store.open(workshop.path, read_only=True) as store:
        facts = run_checks(Context.of(store, config), selected(["PII-011"]))
    return {fact.slice: fact for fact in facts}


@pytest.fixture
def version(workshop: Any) -> Any:
    workshop.ingest([{"prompt": "Who?", "completion": "Nobody."}])
    workshop.store.close()
    return workshop


def test_the_facts(version: Any, tmp_path: Path) -> None:
    truth = TruthConfig(truth=str(written(tmp_path)), engine="patterns")
    facts = facts_of(version, AuditConfig(pii=truth))
    main = facts["all"]
    assert (main.value, main.n, main.detail["found"], main.detail["texts"]) == (0.5, 4, 2, 4)
    assert main.low is not None and main.high is not None and main.low < 0.5 < main.high
    assert main.outcome == Outcome.INFO.value and main.signature.startswith("engine:patterns")
    assert main.detail["left_out"] == 1  # the IP address, which the file does not label
    assert facts["measure=precision"].value == 1.0 and facts["measure=typed recall"].value == 0.5
    assert (facts["type=PERSON"].value, facts["type=EMAIL_ADDRESS"].value) == (0.0, 1.0)
    assert {"locale=en", "locale=de", "origin=English", "case=lower", "case=as written"} <= set(facts)
    assert facts["locale=de"].detail["found"] == 1 and facts["case=lower"].n == 1
    f2 = facts["measure=characters"]
    assert f2.value is not None and 0.4 < f2.value < 0.9
    assert not any(value in str(facts) for value in ("jane", "Jane", "GB33", "203.0"))


def test_the_report_and_the_terminal_show_it_without_values(version: Any, tmp_path: Path) -> None:
    config = AuditConfig(
        store=StoreConfig(path=str(version.path)),
        pii=TruthConfig(truth=str(written(tmp_path)), engine="patterns"),
        checks=["PII-011"],
        out=str(tmp_path / "report"),
    )
    screen = io.StringIO()
    assert audit(config, Console(file=screen, width=80)) == 0
    page = (tmp_path / "report" / "audit.html").read_text(encoding="utf-8")
    for shown in (page, screen.getvalue()):
        assert "PII-011" in shown and "EMAIL_ADDRESS" in shown and "PERSON" in shown
        assert not any(value in shown for value in ("jane@", "Jane Roe", "GB33", "203.0.113"))
    assert "locale=de" in page and "Under its type" in page


def test_without_a_file_it_was_not_run(version: Any) -> None:
    (fact,) = facts_of(version, AuditConfig()).values()
    assert fact.outcome == Outcome.NOT_RUN.value and "pii.truth=FILE" in fact.detail["says"]


def test_an_unknown_engine_is_named(version: Any, tmp_path: Path) -> None:
    truth = TruthConfig(truth=str(written(tmp_path)), engine="bst")
    with pytest.raises(ConfigError, match=r"pii\.engine=bst"):
        facts_of(version, AuditConfig(pii=truth))


def test_presidio_research_format_and_its_metadata(tmp_path: Path) -> None:
    path = tmp_path / "synth.json"
    span = {"entity_type": "PERSON", "entity_value": "JANE ROE", "start_position": 4, "end_position": 12}
    row = {"full_text": "Ask JANE ROE", "spans": [span], "metadata": {"NameSet": "Hispanic", "Country": "ES"}}
    path.write_text(json.dumps([row]), encoding="utf-8")
    labelled = read(path)
    assert labelled.texts == ["Ask JANE ROE"]
    (label,) = labelled.labels[0]
    assert (label.type, label.start, label.end) == ("PERSON", 4, 12)
    assert dict(label.slices) == {"case": "upper", "locale": "ES", "origin": "Hispanic"}


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "holds no texts"),
        ('{"text": "Jane"', "truth.jsonl:1 is not JSON"),
        ('[{"full_text": "Jane"', "is not JSON"),
        ('"Jane"', "not an object"),
        ('{"spans": []}', "no text"),
        ('{"text": "Jane"}', "no spans"),
        (
            '{"text": "Jane", "spans": [{"start": 0, "end": 9, "type": "PERSON"}]}',
            "do not lie within the text",
        ),
        (
            '{"text": "Jane", "spans": [{"start": 2, "end": 2, "type": "PERSON"}]}',
            "do not lie within the text",
        ),
        ('{"text": "Jane", "spans": [{"start": "Jane", "end": 4, "type": "PERSON"}]}', "no number and 4"),
        ('{"text": "Jane", "spans": [{"start": 0, "end": 4}]}', "span 1: no type"),
        ('{"text": "Jane", "spans": ["x"]}', "span 1: not an object"),
    ],
)
def test_a_wrong_file_is_explained_by_place(tmp_path: Path, content: str, says: str) -> None:
    path = tmp_path / "truth.jsonl"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(SourceError, match=says) as caught:
        read(path)
    assert "Jane" not in str(caught.value).replace('"Jane"', "") and str(path) in str(caught.value)


def test_a_missing_or_binary_file(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="cannot read"):
        read(tmp_path / "nope.jsonl")
    (tmp_path / "raw").write_bytes(b"\xff\xfe\x00\x81")
    with pytest.raises(SourceError, match="not UTF-8"):
        read(tmp_path / "raw")
