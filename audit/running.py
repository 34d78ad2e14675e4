"""One audit from the store to the report, and what the terminal shows of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from audit.checks import CHECKS, run_checks, selected
from audit.config import AuditConfig, FailOn
from audit.context import Context
from audit.pii_truth import CHECK
from audit.pii_truth_chapter import truth_table
from audit.report import OVERALL, build, deciding, stored_facts, verdict_of, worst_first
from data.facts import AUDIT_FACT, Fact, Outcome
from data.report.outcomes import Tone, word_of
from data.report.wording import interval, quantity
from data.store import Store

FAILED = 10
STYLES = {
    Tone.good: "green",
    Tone.bad: "bold red",
    Tone.caution: "yellow",
    Tone.unknown: "magenta",
    Tone.absent: "dim",
    Tone.neutral: "cyan",
}


def audit(config: AuditConfig, console: Console | None = None) -> int:
    """Run the checks, store their facts, write the report, show the summary; returns the exit code."""
    checks = selected([*config.checks, *([config.check] if config.check else [])])
    # Checks take minutes and only read: others may use the store meanwhile.
    with Store.open(config.store.path, read_only=True) as store:
        context = Context.of(store, config)
        measured = run_checks(context, checks)
    with Store.open(config.store.path) as store:
        context = Context.of(store, replace(config, version=context.version.version))
        store.add_facts(measured)
        facts = stored_facts(context, measured)
        report = build(context, facts, checks)
        folder = Path(config.out) if config.out else _dated_folder(context.version.version)
        paths = report.write(folder, "audit")
        whole = {check.id for check in checks} == set(CHECKS)
        store.add_facts([_decision(context.version.version, facts, paths["html"], whole=whole)])
    show(facts, paths, console or Console())
    return FAILED if _fails(verdict_of(facts), config.fail_on) else 0


def _decision(version: str, facts: Sequence[Fact], report: Path, *, whole: bool) -> Fact:
    """What the audit as a whole concluded, so that others find it and its report."""
    rows = deciding(facts)
    return Fact(
        subject=version,
        subject_kind="version",
        name=AUDIT_FACT,
        value=float(sum(fact.outcome == Outcome.FAIL.value for fact in rows)),
        unit="checks failed",
        n=len(rows),
        outcome=verdict_of(facts),
        detail={"report": str(report), "whole": whole},
    )


def _dated_folder(version: str) -> Path:
    return Path("runs/audit") / f"{datetime.now(UTC):%Y-%m-%dT%H-%M-%S}-{version}"


def _fails(outcome: str, fail_on: FailOn) -> bool:
    limits = {FailOn.never: [], FailOn.FAIL: [Outcome.FAIL], FailOn.WARN: [Outcome.FAIL, Outcome.WARN]}
    return outcome in [limit.value for limit in limits[fail_on]]


def show(facts: Sequence[Fact], paths: dict[str, Path], console: Console) -> None:
    """The decision table in 80 columns, worst first, and where the report is."""
    table = Table(title="Audit", title_justify="left", show_edge=False, pad_edge=False, header_style="bold")
    table.add_column("check", no_wrap=True)
    table.add_column("outcome", no_wrap=True)
    table.add_column("finding", ratio=1)
    for fact in worst_first(facts):
        word = word_of(fact.outcome)
        finding = Text(fact.detail["says"])
        if around := _around(fact):
            finding.append(f" {around}", style="dim")
        table.add_row(fact.name, Text(word.label, style=STYLES[word.tone]), finding)
    console.print(table)
    if (truth := [fact for fact in facts if fact.name == CHECK]) and len(truth) > 1:
        console.print(truth_table(truth))
    overall = word_of(verdict_of(facts))
    note = OVERALL.get(verdict_of(facts), "")
    console.print(Text.assemble("overall: ", (overall.label, STYLES[overall.tone]), f"  {note}"))
    for path in paths.values():
        console.print(f"report: {path}", soft_wrap=True, highlight=False)


def _around(fact: Fact) -> str:
    parts = [
        quantity(fact.value, fact.unit) if fact.value is not None else "",
        interval(fact.low, fact.high, fact.unit) if fact.low is not None else "",
        f"n = {fact.n:,}" if fact.n is not None else "",
        f"needs {fact.n_needed:,}" if fact.n_needed else "",
    ]
    inside = "; ".join(part for part in parts if part)
    return f"[{inside}]" if inside else ""
