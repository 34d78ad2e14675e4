"""A report as one file: complete, escaped, the same bytes twice, and with the facts in its JSON."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from data.errors import UserError
from data.facts import Fact
from data.report import (
    Block,
    Callout,
    Cell,
    Chart,
    Commands,
    Details,
    Paragraph,
    Report,
    Section,
    SideBySide,
    Table,
    charts,
)

STAGES = [
    {"stage": "exact", "rows_in": 100, "removed": 7},
    {"stage": "dedup", "rows_in": 93, "removed": 0},
]
FACT = Fact(subject="v-1", subject_kind="version", name="QUA-001", value=float("nan"), unit="fraction", n=93)


def report(**changes: object) -> Report:
    blocks: list[Block] = [
        Paragraph("Rows of `column` <script>alert(1)</script>"),
        Callout("Look at this", "Heads up", outcome="WARN"),
        Commands(["SELECT '<b>'"]),
        Table(["name", "rows"], [["a", 1200], [Cell("b", outcome="FAIL", note="n = 3"), None]]),
        Chart(lambda: charts.waterfall(STAGES), "Rows by stage", "A waterfall & more", STAGES),
        Chart(charts.dots([{"name": "x", "value": 0.1, "low": 0.0, "high": 0.2}], title="share"), "c", "a"),
        SideBySide([("Base", "the old lamp"), ("Tuned", "the new lamp")], diff=True, notes=["", "BLEU 50"]),
        Details("More", [Paragraph("folded words"), Details("Deeper", [Paragraph("deep words")])]),
    ]
    values: dict[str, object] = {
        "title": "Mails <of> May",
        "kicker": "Audit",
        "subject": {"Version": "v-1"},
        "outcome": "FAIL",
        "summary": "One check failed.",
        "sections": [Section("all", "All blocks", "A lead.", blocks)],
        "not_examined": ["Images"],
        "reproduce": ["python -m audit version=v-1"],
        "facts": [FACT],
        **changes,
    }
    return Report(**values)  # type: ignore[arg-type]


def test_same_bytes_twice_with_a_fixed_clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1790000000")
    first, second = (report().write(tmp_path / name, "audit") for name in ("a", "b"))
    for kind in ("html", "json"):
        assert first[kind].read_bytes() == second[kind].read_bytes()
    assert "2026-09-21T14:13:20Z" in first["html"].read_text()


def test_html_is_one_file_without_scripts_or_addresses_to_fetch() -> None:
    page = report().html()
    assert "<script" not in page.lower()
    fetched = re.findall(r'(?:src|href)="(?!#|data:text/csv)([^"]*)"|url\((?!#)([^)]*)\)|@import', page)
    assert fetched == []


def test_everything_given_is_escaped() -> None:
    page = report().html()
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<title>Mails &lt;of&gt; May</title>" in page
    assert "SELECT &#39;&lt;b&gt;&#39;" in page
    assert 'aria-label="A waterfall &amp; more"' in page


def test_every_block_is_shown() -> None:
    page = report().html()
    for words in (
        "One check failed.",
        "Images",
        "Heads up",
        "1,200",
        "n\u00a0=\u00a03",
        "Rows by stage",
        "BLEU 50",
    ):
        assert words in page
    for words in ("folded words", "deep words", "python -m audit version=v-1", "<mark>old</mark>"):
        assert words in page
    assert page.count("<svg role=") == 2


def test_ids_of_several_charts_do_not_collide() -> None:
    import altair as alt

    def clipped() -> Any:
        return alt.Chart(alt.InlineData(values=[{"x": 1}])).mark_point(clip=True).encode(x="x:Q")

    page = report(
        sections=[Section("s", "S", blocks=[Chart(clipped, "", ""), Chart(clipped, "", "")])]
    ).html()
    ids = re.findall(r'\sid="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r"url\(#([^)]+)\)", page)) <= set(ids)
    assert any(name.startswith("c1-") for name in ids)
    assert any(name.startswith("c2-") for name in ids)


def test_an_outcome_is_told_by_word_and_shape_not_only_by_colour() -> None:
    page = report().html()
    badge = re.search(r'<span class="badge bad[^"]*">(.*?)</span>', page, re.DOTALL)
    assert badge is not None
    assert "<path" in badge[1]
    assert badge[1].endswith("FAIL")


def test_nothing_left_out_is_said_in_words() -> None:
    assert "Nothing that this report plans to examine was left out." in report(not_examined=[]).html()


def test_json_holds_facts_tables_and_numbers_behind_charts() -> None:
    text = report().json()
    body = json.loads(text)
    assert body["facts"][0]["name"] == "QUA-001"
    assert body["facts"][0]["value"] is None  # NaN is not JSON
    blocks = {block["type"]: block for block in body["sections"][0]["blocks"]}
    assert blocks["Table"]["rows"][1][0]["outcome"] == "FAIL"
    assert body["sections"][0]["blocks"][4]["rows"] == STAGES
    assert list(body) == sorted(body)


def test_a_row_of_the_wrong_width_is_refused() -> None:
    with pytest.raises(ValueError, match="2 cells, the table 1 columns"):
        Table(["one"], [["a", "b"]])


def test_a_folder_that_cannot_be_is_plain(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"cannot write .*is a file, not a folder\n.*out=FOLDER"):
        report().write(tmp_path / "file" / "folder", "audit")
