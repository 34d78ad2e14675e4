"""`python -m data overview`: one screen on a version: what was removed, what the audit found, base against tuned."""

from __future__ import annotations

import json
from argparse import Namespace
from pathlib import Path
from typing import Any

from rich.console import Console, Group
from rich.markup import escape
from rich.table import Table

from data.commands import spelt
from data.evaluations import Evaluation
from data.facts import AUDIT_FACT, Outcome
from data.report.outcomes import severity, word_of, worst
from data.report.wording import counted, number
from data.store import Store

METRICS = {"bleu": "BLEU", "rouge_l": "ROUGE-L", "perplexity": "perplexity"}
STYLES = {"better": "[green]better[/]", "worse": "[red]worse[/]"}


def overview(options: Namespace) -> None:
    """Print the screen for `options.version`; parts that were not made yet say with which command they are."""
    console = Console(highlight=False)
    with Store.open(options.store, read_only=True) as store:
        version = store.resolve(options.version)
        raw, left = store.lineage(version)[0], store.version(version).rows
        removed = _removed(store, version)
        audit = store.facts(version)
        evaluation = _evaluation(store, version)
        compared = store.facts(evaluation.evaluation_id).to_dicts() if evaluation else []
        rejected = store.rejects(raw.version).height
    console.print(
        f"[bold]1. Removed and changed[/]  {counted(raw.rows + rejected, 'raw row')} -> {left:,} in {version}"
    )
    console.print(removed)
    console.print(_audited(audit.to_dicts(), options.store))
    console.print(_compared(compared, evaluation, options.store))
    console.print("[bold]4. Reports[/]")
    found = audit.filter(audit["name"] == AUDIT_FACT)["detail"].to_list()
    reports = []
    if found:
        last = json.loads(found[0])
        reports.append(
            (
                "audit",
                last["report"] + ("" if last.get("whole", True) else "  (the last one: not all checks)"),
            )
        )
    reports += [("eval", str(Path(evaluation.path) / "evaluation.html"))] if evaluation else []
    for name, path in reports:
        console.print(f"  {name:<7}{escape(path)}", soft_wrap=True)
    console.print(
        f"  more   {spelt(f'python -m data show {version}; python -m data why RECORD', options.store)}"
    )


def _grid(*justify: str) -> Table:
    table = Table(show_header=False, show_edge=False, pad_edge=True, box=None)
    for how in justify:
        table.add_column(justify="right" if how == "right" else "left", overflow="fold")
    return table


def _removed(store: Store, version: str) -> Table:
    """Every reason for which rows were rejected, dropped, edited or restored, with its meaning and count."""
    table = _grid("left", "right", "left")
    steps = store.lineage(version)
    rejected = store.rejects(steps[0].version)["reason"]
    if rejected.len():
        each = ", ".join(
            f"{reason.replace('_', ' ')} {count}"
            for reason, count in rejected.value_counts()
            .sort("count", "reason", descending=[True, False])
            .rows()
        )
        table.add_row("rejected", f"{rejected.len():,}", f"could not be read: {each}")
    for step in steps[1:]:
        rows = store.query(
            """SELECT action, v.reason, count(*), any_value(r.meaning) FROM verdicts v
            LEFT JOIN reasons r ON r.stage = ? AND r.reason = v.reason
            WHERE v.version = ? AND action IN ('drop', 'edit', 'restore') GROUP BY ALL ORDER BY 1, 3 DESC, 2""",
            [step.stage, step.version],
        ).rows()
        words = {"drop": "removed", "edit": "edited", "restore": "restored"}
        for action, reason, count, meaning in rows:
            table.add_row(words[action], f"{count:,}", f"{escape(meaning or reason)} [dim]{reason}[/]")
    if not table.row_count:
        table.add_row("nothing", "", "")
    return table


def _audited(facts: list[dict[str, Any]], store: str) -> Group:
    """The decision, then what a person should look at; checks that passed are one line."""
    spoken = [(fact, json.loads(fact["detail"])) for fact in facts]
    spoken = [(fact, detail) for fact, detail in spoken if "says" in detail]
    if not spoken:
        return Group(f"[bold]2. Audit[/]  not made yet: {spelt('python -m audit', store)}")
    table = _grid("left", "left", "left")
    passed = []
    for fact, detail in sorted(spoken, key=lambda pair: (severity(pair[0]["outcome"]), pair[0]["name"])):
        if fact["outcome"] in (Outcome.PASS, Outcome.INFO):
            passed.append(fact["name"])
            continue
        table.add_row(fact["name"], word_of(fact["outcome"]).label, escape(detail["says"]))
    if passed:
        table.add_row("[dim]others[/]", "PASS", ", ".join(dict.fromkeys(passed)))
    # The worst of all that is known of the version: the last audit may have asked for one check only.
    overall = worst(fact["outcome"] for fact, _ in spoken)
    return Group(f"[bold]2. Audit[/]  {word_of(overall).label}", table)


def _evaluation(store: Store, version: str) -> Evaluation | None:
    """The newest evaluation of a model trained on `version`."""
    found = store.query(
        "SELECT evaluation_id FROM evaluations WHERE version = ? AND run IS NOT NULL ORDER BY used DESC LIMIT 1",
        [version],
    )["evaluation_id"].to_list()
    return store.evaluation(found[0]) if found else None


def _compared(facts: list[dict[str, Any]], evaluation: Evaluation | None, store: str) -> Group:
    """Base, tuned and their difference, for every slice; and the copied answers where they were scored."""
    if evaluation is None:
        return Group(
            f"[bold]3. Base against tuned[/]  not made yet: {spelt('python -m train, then python -m eval', store)}"
        )
    by = {(fact["name"], fact["slice"]): fact for fact in facts}
    slices = sorted(
        {s for _, s in by if s.endswith("role=tuned") and s.startswith("slice=")}, key=_test_first
    )
    table = Table(show_edge=False, pad_edge=True, box=None, header_style="dim")
    for column in ("", "base", "tuned", "copied", "difference", "interval", "tuned is"):
        table.add_column(column, justify="left" if column in ("", "tuned is") else "right", no_wrap=True)
    for tuned in slices:
        where = tuned.removesuffix("role=tuned")
        items = max(fact["n"] or 0 for (_, slice_), fact in by.items() if slice_ == tuned)
        table.add_row(f"{where.removeprefix('slice=').rstrip(',')}, {counted(items, 'item')}")
        for metric, title in METRICS.items():
            change = by.get((f"{metric}_difference", f"{where}role=tuned-base"))
            if change is None:
                continue
            values = [by.get((metric, f"{where}role={role}")) for role in ("base", "tuned", "copy_nearest")]
            says = json.loads(change["detail"])["conclusion"]
            table.add_row(
                f"  {title}",
                *(number(fact["value"]) if fact else "-" for fact in values),
                f"{change['value']:+.3g}",
                f"{change['low']:+.3g} .. {change['high']:+.3g}",
                STYLES.get(says, says),
            )
    return Group(f"[bold]3. Base against tuned[/]  {evaluation.run}, {evaluation.evaluation_id}", table)


def _test_first(name: str) -> tuple[bool, str]:
    return not name.startswith("slice=test,"), name
