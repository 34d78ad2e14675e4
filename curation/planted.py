"""Recall on planted problems: what share of a list of known problems the stages found.

The list is read after the last stage, by this module only.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from curation.steps import Step
from data.errors import SourceError
from data.facts import Fact
from data.intervals import wilson
from data.store import Store

# Which stage's verdict counts as finding a kind of plant. Equal and edited duplicates may be found by either.
FOUND_BY: dict[str, tuple[str, ...]] = {
    "exact_duplicate": ("exact", "dedup"),
    "near_duplicate": ("exact", "dedup"),
    "decoy": ("exact", "dedup"),
    "pii": ("pii",),
    "broken": ("ingest",),
    "low_quality": ("quality",),
    "benchmark": ("decontaminate",),
}
PAIRS = ("exact_duplicate", "near_duplicate", "decoy")
# Plants that must not be found: they look like a problem and are none.
INNOCENT = ("decoy",)


def report(store: Store, steps: Sequence[Step], path: Path, console: Console) -> None:
    """Print and store, for each kind of plant, how many the stages found."""
    facts = measured(store, steps, path)
    store.add_facts(facts)
    table = Table(
        title="Planted problems", title_justify="left", show_edge=False, pad_edge=False, header_style="bold"
    )
    for name, justify in (("kind", "left"), ("planted", "right"), ("found", "right"), ("share", "right")):
        table.add_column(name, justify=justify)  # type: ignore[arg-type]
    for fact in facts:
        kind = fact.slice.removeprefix("kind=")
        wanted = " (want 0)" if kind in INNOCENT else ""
        table.add_row(kind + wanted, str(fact.n), str(fact.detail["found"]), f"{fact.value:.1%}")
    console.print(table)


def measured(store: Store, steps: Sequence[Step], path: Path) -> list[Fact]:
    """One fact a kind of plant: the share found, with a 95 % Wilson interval."""
    judged = _judged_lines(store, steps)
    found: dict[str, list[bool]] = defaultdict(list)
    for plant in _read(path):
        kind = str(plant["kind"])
        lines = {int(plant["line"])}
        # Of two equal rows either may go.
        if kind in PAIRS and plant.get("partner_line"):
            lines.add(int(plant["partner_line"]))
        said = [
            judged[stage][line] for stage in FOUND_BY.get(kind, ()) for line in lines if line in judged[stage]
        ]
        # Of personal data the right type must have been found, not just anything in the row.
        found[kind].append(any(str(plant.get("type", "")) in detail for detail in said))
    last = steps[-1].version
    return [_fact(last, kind, hits) for kind, hits in sorted(found.items())]


def _fact(version: str, kind: str, hits: list[bool]) -> Fact:
    low, high = wilson(sum(hits), len(hits))
    return Fact(
        subject=version, subject_kind="version", name="planted_found", value=sum(hits) / len(hits), unit="fraction",
        slice=f"kind={kind}", n=len(hits), low=low, high=high, level=0.95, method="Wilson score interval",
        detail={"found": sum(hits)},
    )  # fmt: skip


def _judged_lines(store: Store, steps: Sequence[Step]) -> dict[str, dict[int, str]]:
    """For each stage the raw lines that it dropped or edited, with the verdict's detail; for `ingest` the rejects."""
    lines: dict[str, dict[int, str]] = defaultdict(dict)
    lines["ingest"] = dict.fromkeys(store.rejects(steps[-1].version)["line"].to_list(), "")
    for step in steps[1:]:
        found = store.query(
            """SELECT r.line, coalesce(d.detail, '') FROM verdicts d JOIN records r USING (record_id)
            WHERE d.version = ? AND d.action IN ('drop', 'edit')""",
            [step.version],
        )
        lines[step.stage] = dict(found.iter_rows())
    return lines


def _read(path: Path) -> list[dict[str, Any]]:
    if not path.is_file():
        raise SourceError(
            f"planted={path}: no such file", "leave the key out, or name a list of planted problems"
        )
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
