"""The section on balance: what the stage stored of itself, or nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from audit.checks import run_checks, selected
from audit.config import AuditConfig
from audit.context import Context
from audit.report import build
from curation.balance import BalanceConfig
from curation.pipeline import plain, run_stage
from curation.stages import STAGES
from data.report import Callout, Cell, Chart, Report, Section, Table
from data.report.theme import to_svg

MakeRows = Callable[[int], list[dict[str, Any]]]


def audited(workshop: Any) -> Report:
    context = Context.of(workshop.store, AuditConfig())
    checks = selected(["SRC-001"])
    return build(context, run_checks(context, checks), checks)


def sections(report: Report) -> list[Section]:
    return [section for section in report.sections if section.id == "balance"]


def balanced(workshop: Any, rows: list[dict[str, Any]], **settings: Any) -> str:
    """The id of the version that the real stage makes; a later stage follows it."""
    raw = workshop.ingest(rows)
    config = BalanceConfig(enabled=True, **settings)
    version = run_stage(workshop.store, raw, STAGES["balance"], config).version
    workshop.split(lambda row: "train" if row["line"] % 4 else "test")
    return version


def text_of(section: Section, title: str) -> str:
    return next(block.text for block in section.blocks if isinstance(block, Callout) and block.title == title)


def test_caps_and_shares_before_and_after(workshop: Any, many_rows: MakeRows) -> None:
    version = balanced(workshop, many_rows(400), column="audience", max_rows=150, min_rows=120)
    report = audited(workshop)
    (section,) = sections(report)
    assert text_of(section, "Caps") == (
        "Each value of 'audience' may have at most 150 rows. Rows before: 400; left out: 150; stayed: 250."
    )
    (chart,) = (block for block in section.blocks if isinstance(block, Chart))
    assert [(row["name"], row["before"], row["value"]) for row in chart.rows] == [
        ("younger", 0.75, 0.6),
        ("older", 0.25, 0.4),
    ]
    assert "<svg" in to_svg(chart.chart())
    assert "Dashed" not in chart.caption
    (table,) = (block for block in section.blocks if isinstance(block, Table))
    assert version in table.caption
    after = [row[2] for row in table.rows]
    assert [(cell.text, cell.outcome) for cell in after if isinstance(cell, Cell)] == [
        (150, "PASS"),
        (100, "WARN"),
    ]
    assert {fact.subject for fact in report.facts if fact.name == "balance_rows"} == {version}
    # The stage's own outcomes are shown, and are no verdict of a check.
    assert {fact.name for fact in report.facts if "says" in fact.detail} == {"SRC-001"}


def test_a_cap_on_the_share_is_drawn_in(workshop: Any, many_rows: MakeRows) -> None:
    balanced(workshop, many_rows(400), column="audience", max_fraction=0.6)
    (section,) = sections(audited(workshop))
    assert "may have at most 60.0 % of the rows" in text_of(section, "Caps")
    (chart,) = (block for block in section.blocks if isinstance(block, Chart))
    assert chart.caption.endswith("Dashed: the cap of 60.0 %.")
    assert "stroke-dasharray" in to_svg(chart.chart())


def test_the_synthetic_share_is_told(workshop: Any, many_rows: MakeRows) -> None:
    balanced(
        workshop,
        many_rows(400),
        synthetic_column="task",
        synthetic_values=["poem"],
        max_synthetic_fraction=0.1,
    )
    (section,) = sections(audited(workshop))
    assert "Synthetic text may make up at most 10.0 % of the rows." in text_of(section, "Caps")
    assert "Each value" not in text_of(section, "Caps")
    assert text_of(section, "Synthetic text") == (
        "By what the records state, 9.86 % of the rows are synthetic (35 of 355); before the caps it was 20.0 % "
        "(80 of 400)."
    )


def test_without_the_stage_there_is_no_section(workshop: Any, many_rows: MakeRows) -> None:
    workshop.ingest(many_rows(40))
    report = audited(workshop)
    assert sections(report) == []
    assert not any("caps" in sentence or "balance stage" in sentence for sentence in report.not_examined)
    # A stage that left no facts gives none either.
    workshop.stage("balance", [], plain(BalanceConfig()))
    assert sections(audited(workshop)) == []
