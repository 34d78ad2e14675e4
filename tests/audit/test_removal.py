"""Removal parity: which stage removed more of one group, and that what balance was asked for is no failure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from audit.checks import run_checks, selected
from audit.config import AuditConfig
from audit.context import Context
from curation.balance import BalanceConfig
from curation.pipeline import run_stage
from curation.stages import STAGES
from data.facts import Fact

MakeRows = Callable[[int], list[dict[str, Any]]]


def facts_of(workshop: Any, check: str) -> list[Fact]:
    return run_checks(Context.of(workshop.store, AuditConfig()), selected([check]))


def test_removal_parity_names_stage_and_group(workshop: Any, many_rows: MakeRows) -> None:
    workshop.ingest(many_rows(800))
    workshop.drop("exact", lambda row: row["line"] % 40 < 4)
    workshop.drop("quality", lambda row: row["audience"] == "older" and row["line"] % 3 == 0)
    facts = {f.slice: f for f in facts_of(workshop, "FAI-010")}
    assert facts["quality | audience=older"].outcome == "FAIL"
    assert facts["all stages | audience=older"].outcome == "FAIL"
    assert facts["exact | audience=older"].value == 0
    assert "quality" in facts["all"].detail["says"]


def test_what_balance_removes_on_purpose_is_a_warning_and_named(workshop: Any, many_rows: MakeRows) -> None:
    raw = workshop.ingest(many_rows(800))
    caps = BalanceConfig(enabled=True, column="audience", max_fraction=0.5)
    run_stage(workshop.store, raw, STAGES["balance"], caps)
    workshop.drop("exact", lambda row: row["line"] % 40 < 4)
    facts = {f.slice: f for f in facts_of(workshop, "FAI-010")}
    assert set(facts) == {"all", "balance | audience=older", "exact | audience=older"}
    assert facts["balance | audience=older"].outcome == facts["all"].outcome == "WARN"
    assert facts["all"].detail["says"] == (
        "Only the stage balance removed more of one group, as its caps are set to do: balance removed 0 % of "
        "audience=older and 66.7 % of all others."
    )
    # Another stage is not excused by it: all of them together are counted without what balance took.
    workshop.drop("quality", lambda row: row["audience"] == "older" and row["line"] % 3 == 0)
    facts = {f.slice: f for f in facts_of(workshop, "FAI-010")}
    (quality,) = (fact for name, fact in facts.items() if name.startswith("quality | "))
    assert quality.outcome == facts["all"].outcome == "FAIL"
    assert facts["balance | audience=older"].outcome == "WARN"
    whole = facts["all stages but balance | audience=older"]
    assert whole.outcome == "FAIL" and whole.n == 200
    assert workshop.store.query(whole.evidence)["value"].item() == pytest.approx(whole.value)
    removed = workshop.store.query(
        "SELECT count(*) AS n FROM verdicts JOIN records USING (record_id) WHERE action = 'drop' "
        "AND reason IN ('exact_test', 'quality_test') AND metadata ->> 'audience' = 'older'"
    )
    assert whole.detail["found"] == removed["n"].item()
