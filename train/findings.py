"""What a check before the training found, the table of them, and the refusal where one says stop."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from rich.table import Table

from data.errors import UserError
from data.facts import Fact, Outcome

STYLES = {
    Outcome.PASS: "green",
    Outcome.WARN: "yellow",
    Outcome.FAIL: "bold red",
    Outcome.ACCEPTED: "magenta",
    Outcome.NOT_RUN: "dim",
    Outcome.INFO: "",
}
# In the table; the stored facts keep the words of data.facts.
_SHOWN = {Outcome.FAIL: "stop", Outcome.ACCEPTED: "allowed", Outcome.NOT_RUN: "not looked at"}


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found.

    check     its name (train.config.CHECKS): `allow=[check]` lets the training start although it says FAIL
    outcome   PASS, WARN, FAIL, ACCEPTED (FAIL, but allowed) or NOT_RUN
    words     one sentence with the numbers; never a text of a record
    value     the fraction (0 to 1) or the number of rows that the outcome rests on, in `unit`; None: not measured
    n         rows looked at
    limit     the threshold in words
    fix       what to do about it, as a command or a key
    """

    check: str
    outcome: Outcome
    words: str
    value: float | None = None
    unit: str = "fraction"
    n: int | None = None
    limit: str = ""
    fix: str = ""


def judged(value: float, *, warn: float | None, stop: float | None) -> Outcome:
    """FAIL at or above `stop`, WARN above `warn`, else PASS; None is never reached."""
    if stop is not None and value >= stop:
        return Outcome.FAIL
    return Outcome.WARN if warn is not None and value > warn else Outcome.PASS


def accepted(findings: Iterable[Finding], allow: Sequence[str]) -> list[Finding]:
    """`findings` with FAIL as ACCEPTED where the check is one of `allow`."""
    return [
        replace(found, outcome=Outcome.ACCEPTED)
        if found.outcome is Outcome.FAIL and found.check in allow
        else found
        for found in findings
    ]


def table_of(findings: Iterable[Finding]) -> Table:
    """One line a check; fits 80 columns."""
    table = Table(
        title="Before the training", title_justify="left", box=None, pad_edge=False, header_style="bold"
    )
    table.add_column("check", no_wrap=True)
    table.add_column("result", no_wrap=True)
    table.add_column("found", overflow="fold")
    for found in findings:
        shown = _SHOWN.get(found.outcome, found.outcome.value.lower())
        table.add_row(
            found.check.replace("_", " "), f"[{STYLES[found.outcome] or 'none'}]{shown}[/]", found.words
        )
    return table


def stop(findings: Iterable[Finding], *, can_allow: bool = True) -> None:
    """Raise UserError where a finding says FAIL: each with what it found, the way to mend it and its override."""
    failed = [found for found in findings if found.outcome is Outcome.FAIL]
    if not failed:
        return
    names = [found.check for found in failed]
    hints = []
    for found in failed:
        hints += [f"{found.check}: {found.words}", *([f"  {found.fix}"] if found.fix else [])]
    raise UserError(
        f"{'a check stops' if len(failed) == 1 else f'{len(failed)} checks stop'} this training before its first "
        f"step: {', '.join(names)}",
        *hints,
        *([f"if you know better: 'allow=[{','.join(names)}]'"] if can_allow else []),
    )


def findings_of(metrics: Mapping[str, Any]) -> list[Finding]:
    """The findings that were kept among a run's metrics."""
    return [Finding(**{**kept, "outcome": Outcome(kept["outcome"])}) for kept in metrics.get("preflight", [])]


def facts_of(findings: Iterable[Finding], run_id: str) -> list[Fact]:
    """The findings as facts of the run, one slice a check."""
    return [
        Fact(
            subject=run_id,
            subject_kind="run",
            name="preflight",
            value=found.value,
            unit=found.unit,
            slice=f"check={found.check}",
            n=found.n,
            method="counted before the first step",
            outcome=found.outcome.value,
            threshold=found.limit,
            evidence="python -m train plan=true",
            detail={"says": found.words},
        )
        for found in findings
    ]
