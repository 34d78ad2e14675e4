"""The audit report: every word and number of it comes from stored facts and the lineage."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from audit.balance_chapter import balance_facts, balance_section
from audit.chapters import CHAPTERS
from audit.checks import CHECKS, NOT_COVERED, Check
from audit.context import Context
from audit.stored import facts_of
from audit.topics_chapter import topic_facts, topics_section
from data.commands import spelt
from data.facts import Fact, Outcome
from data.records import SPLITS
from data.report import Cell, Report, Section, Table, severity, worst
from data.report.wording import counted, interval, number, quantity

SPOKEN = {
    Outcome.FAIL.value: "failed",
    Outcome.WARN.value: "raised a warning",
    Outcome.INSUFFICIENT.value: "had too few rows to say",
    Outcome.NOT_RUN.value: "could not be examined",
    Outcome.PASS.value: "passed",
    Outcome.INFO.value: "only measured",
    Outcome.ACCEPTED.value: "was accepted by a person",
}


OVERALL = {
    Outcome.FAIL.value: "At least one check failed.",
    Outcome.WARN.value: "No check failed; at least one needs a person's eye.",
    Outcome.INSUFFICIENT.value: "No check failed or warned; at least one had too few rows to say.",
    Outcome.NOT_RUN.value: "No check failed or warned; at least one was not run.",
    Outcome.PASS.value: "Every check with a threshold passed.",
    Outcome.INFO.value: "Only measurements without a threshold.",
}


def stored_facts(context: Context, measured: Sequence[Fact]) -> list[Fact]:
    """`measured` as the store gives them back, in the same order: what is printed is what is stored."""
    stored = {(fact.name, fact.slice): fact for fact in facts_of(context, context.version.version)}
    return [stored[fact.name, fact.slice] for fact in measured]


def verdict_of(facts: Sequence[Fact]) -> str:
    """The worst outcome of any fact that stands for a check or for a part of it with a threshold of its own."""
    return worst(fact.outcome for fact in deciding(facts))


def deciding(facts: Sequence[Fact]) -> list[Fact]:
    """One fact a row of the decision table: those that speak (slices of groups, tasks and types only explain)."""
    return [fact for fact in facts if "says" in fact.detail]


def worst_first(facts: Sequence[Fact]) -> list[Fact]:
    """The rows of the decision table in its order."""
    return sorted(deciding(facts), key=lambda fact: (severity(fact.outcome), fact.name, fact.slice))


def _title(fact: Fact) -> str:
    return CHECKS[fact.name].title + ("" if fact.slice == "all" else f" {fact.slice}")


def build(context: Context, facts: Sequence[Fact], checks: Sequence[Check]) -> Report:
    """The report on the version from facts of `checks` as `stored_facts` gives them."""
    by_check: dict[str, list[Fact]] = {check.id: [f for f in facts if f.name == check.id] for check in checks}
    sections = [decision_table(facts)]
    for chapter in CHAPTERS:
        chosen = {check.id: by_check[check.id] for check in checks if check.family == chapter.family}
        if chosen:
            sections.append(Section(chapter.family, chapter.title, chapter.lead, chapter.blocks(chosen)))
    stage, balanced = context.stage("balance"), balance_facts(context)
    if stage and balanced:
        sections.append(balance_section(stage, balanced))
    topics = topic_facts(context)
    if topics:
        sections.append(topics_section(topics))
    sections.append(evidence(checks, by_check))
    first = context.lineage[0]
    return Report(
        title=f"Audit of {_named(context)}",
        kicker="Training data audit",
        subject={
            "Version": context.version.version,
            "Rows": number(context.version.rows),
            "Splits": ", ".join(
                f"{name or 'none'} {context.splits[name]:,}"
                for name in (*SPLITS, None)
                if name in context.splits
            ),
            "Made by": " → ".join(version.stage for version in context.lineage),
            "Raw rows read": number(first.rows + len(context.store.rejects(first.version))),
            "Content digest": context.version.digest,
            "Groups compared": ", ".join(context.groups) or "none",
        },
        outcome=verdict_of(facts),
        outcome_note=OVERALL.get(verdict_of(facts), ""),
        summary=summary(context, facts),
        sections=sections,
        not_examined=not_examined(facts, checks),
        reproduce=reproduce(context, checks),
        facts=[*facts, *balanced, *topics],
    )


def _stages(count: int) -> str:
    return "one stage of curation" if count == 1 else f"{count} stages of curation"


def _checks(count: int) -> str:
    return "One check" if count == 1 else f"{count} checks"


def _verdicts(count: int) -> str:
    return "one verdict" if count == 1 else f"{count} verdicts"


def _named(context: Context) -> str:
    files = context.store.query(
        "SELECT file FROM files WHERE version = ? ORDER BY file", [context.lineage[0].version]
    )["file"].to_list()
    return (
        Path(files[0]).name
        if len(files) == 1
        else f"{len(files)} files"
        if files
        else context.version.version
    )


def summary(context: Context, facts: Sequence[Fact]) -> str:
    """Two short paragraphs in plain words: what was examined and how it came out; then the worst findings."""
    rows = worst_first(facts)
    counts: dict[str, int] = {}
    for fact in rows:
        counts[fact.outcome] = counts.get(fact.outcome, 0) + 1
    told = ", ".join(f"{n} {SPOKEN[outcome]}" for outcome, n in counts.items())
    first = (
        f"This report examines the {counted(context.version.rows, 'row')} of a training data set, as the data are "
        f"after {_stages(len(context.lineage) - 1)}. {_checks(len({fact.name for fact in rows}))} gave "
        f"{_verdicts(len(rows))}: {told}."
    )
    bad = [fact for fact in rows if fact.outcome in (Outcome.FAIL.value, Outcome.WARN.value)]
    if not bad:
        return first + "\n\nNo check found a reason against using the data. See below what was not examined."
    return first + "\n\n" + " ".join(f"{_title(fact)}: {fact.detail['says']}" for fact in bad[:3])


def decision_table(facts: Sequence[Fact]) -> Section:
    """One row a check, worst first."""
    rows = worst_first(facts)
    return Section(
        "decision",
        "Decision table",
        "Worst first. A check passes by the bound of its interval, never by the point; too few rows, or not run, is "
        "never a pass.",
        [
            Table(
                ["Check", "Outcome", "Finding", "Measured", "Demanded"],
                [
                    [
                        Cell(
                            CHECKS[fact.name].title,
                            note=fact.name + ("" if fact.slice == "all" else f", {fact.slice}"),
                        ),
                        Cell("", outcome=fact.outcome),
                        fact.detail["says"],
                        measured(fact),
                        _demanded(fact),
                    ]
                    for fact in rows
                ],
            )
        ],
    )


def measured(fact: Fact) -> Cell:
    """The value with its n, interval and method as small print."""
    if fact.value is None and fact.low is None:
        return Cell("–", note=f"n = {fact.n:,}" if fact.n is not None else "")
    around = interval(fact.low, fact.high, fact.unit)
    level = f"{100 * fact.level:.3g} % interval {around}" if around and fact.level else ""
    note = [f"n = {fact.n:,}" if fact.n is not None else "", level, fact.detail.get("shown", "")]
    return Cell(quantity(fact.value, fact.unit), note="; ".join(part for part in note if part))


def _demanded(fact: Fact) -> Cell:
    needed = f"needs n = {fact.n_needed:,}" if fact.n_needed else ""
    return Cell(fact.threshold or "no threshold", note=needed)


def not_examined(facts: Sequence[Fact], checks: Sequence[Check]) -> list[str]:
    """What was left out: checks that could not run or were not asked for, parts of others, and what none looks at."""
    asked = {check.id for check in checks}
    return [
        *(
            f"{CHECKS[fact.name].title} ({fact.name}): {fact.detail['says']}"
            for fact in deciding(facts)
            if fact.outcome == Outcome.NOT_RUN.value
        ),
        *(
            f"{check.title} ({check.id}): was not asked for."
            for check in CHECKS.values()
            if check.id not in asked
        ),
        *(
            f"{CHECKS[fact.name].title} ({fact.name}): {fact.detail['unmeasured']}"
            for fact in facts
            if "unmeasured" in fact.detail
        ),
        *NOT_COVERED,
    ]


def evidence(checks: Sequence[Check], by_check: dict[str, list[Fact]]) -> Section:
    """How each number is had again, and the provisions to which each check gives evidence."""
    from audit.chapters import evidence_blocks

    return Section(
        "evidence",
        "Evidence and requirements",
        "How each number is had again, and the provisions that it speaks to. The provisions are our reading and no "
        "legal advice.",
        [
            Table(
                ["Check", "Question", "Outcome", "Provisions"],
                [
                    [
                        Cell(check.title, note=check.id),
                        check.question,
                        Cell("", outcome=by_check[check.id][0].outcome),
                        Cell("", note="; ".join(check.requirements)),
                    ]
                    for check in checks
                ],
            ),
            *evidence_blocks(checks, by_check),
        ],
    )


def reproduce(context: Context, checks: Sequence[Check]) -> list[str]:
    """Commands that give this report again, and a fact by its evidence."""
    chosen = [] if len(checks) == len(CHECKS) else [f"'checks=[{','.join(check.id for check in checks)}]'"]
    return [
        " ".join(["python -m audit", *context.overrides(), *chosen]),
        *(
            spelt(command, context.config.store.path)
            for command in (
                f"python -m data facts {context.version.version}   # every fact with its evidence",
                f"python -m data show {context.version.version}   # digest {context.version.digest[:16]}...",
            )
        ),
    ]
