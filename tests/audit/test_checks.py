"""Each check against a store whose truth is known, and the evidence of each fact."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from audit.checks import CHECKS, run_checks, selected
from audit.config import AuditConfig, PolicyConfig
from audit.context import Context
from data.errors import ConfigError, StoreError
from data.facts import Fact

PII = {
    "engine": "patterns",
    "entities": ["EMAIL_ADDRESS", "IBAN_CODE"],
    "operator": "placeholder",
    "threshold": 0.4,
}
ADDRESS = "ann.lee@example.org"
MakeRows = Callable[[int], list[dict[str, Any]]]


def facts_of(workshop: Any, check: str, **settings: Any) -> list[Fact]:
    context = Context.of(workshop.store, AuditConfig(**settings))
    return run_checks(context, selected([check]))


def main_fact(workshop: Any, check: str, **settings: Any) -> Fact:
    return facts_of(workshop, check, **settings)[0]


# ---------------------------------------------------------------- sources and lineage


def test_licence_share_is_counted_and_its_source_named(workshop: Any, many_rows: MakeRows) -> None:
    workshop.ingest(many_rows(400))
    fact = main_fact(workshop, "SRC-001")
    assert (fact.value, fact.n, fact.outcome) == (0.9, 400, "FAIL")
    assert "'raw.jsonl'" in fact.detail["says"] or "'raw'" in fact.detail["says"]
    assert {row["licence"]: row["rows"] for row in fact.detail["rows"]} == {"CC0-1.0": 360, None: 40}


def test_licence_words_that_name_none_do_not_count(workshop: Any, many_rows: MakeRows) -> None:
    rows = [{**row, "licence": "Unknown " if i < 3 else "MIT"} for i, row in enumerate(many_rows(100))]
    workshop.ingest(rows)
    assert main_fact(workshop, "SRC-001").value == pytest.approx(0.97)
    assert main_fact(workshop, "SRC-001", policy=PolicyConfig(min_licensed=0.9)).outcome == "PASS"


def test_rows_balance_over_rejects_and_stages(workshop: Any, many_rows: MakeRows) -> None:
    workshop.ingest(many_rows(100), broken=4)
    workshop.drop("exact", lambda row: row["line"] <= 10)
    workshop.drop("quality", lambda row: row["line"] > 95)
    fact = main_fact(workshop, "LIN-001")
    assert (fact.value, fact.n, fact.outcome) == (0, 104, "PASS")
    steps = [(s["stage"], s["rows_in"], s["removed"]) for s in fact.detail["stages"]]
    assert steps == [("ingest", 104, 4), ("exact", 100, 10), ("quality", 90, 5)]


def test_a_row_lost_without_a_verdict_is_noticed(workshop: Any, many_rows: MakeRows) -> None:
    workshop.ingest(many_rows(50))
    version = workshop.drop("exact", lambda row: row["line"] <= 5)
    workshop.store.connection.execute(
        """INSERT INTO member_gaps SELECT version, part, record_id FROM member_parts JOIN member_rows USING (part)
        WHERE version = $1 AND record_id = (SELECT min(record_id) FROM members WHERE version = $1)""",
        [version],
    )
    fact = main_fact(workshop, "LIN-001")
    assert (fact.value, fact.outcome) == (1, "FAIL")


def test_training_rows_lead_back_to_raw_lines(workshop: Any, many_rows: MakeRows) -> None:
    workshop.ingest(many_rows(60))
    first = workshop.rows()[0]
    edited = [{**message, "content": "<PERSON>"} for message in first["messages"]]
    workshop.stage(
        "pii",
        [{"record_id": first["record_id"], "action": "edit", "reason": "pii_masked", "messages": edited}],
        PII,
    )
    workshop.split(lambda row: "train" if row["line"] <= 40 else "test")
    fact = main_fact(workshop, "LIN-002")
    assert (fact.value, fact.n, fact.outcome) == (0, 40, "PASS")
    assert fact.detail["files"][0]["rows"] == 60
    workshop.store.connection.execute("DELETE FROM verdict_rows WHERE action = 'edit'")
    changed = main_fact(workshop, "LIN-002")
    assert (changed.value, changed.outcome) == (1, "FAIL")


# ---------------------------------------------------------------- quality


def test_near_duplicates_left_are_counted(workshop: Any, many_rows: MakeRows) -> None:
    rows = many_rows(300)
    for i in range(6):
        rows[200 + i] = {**rows[i], "completion": rows[i]["completion"] + "!"}
    rows[210] = {**rows[0]}
    workshop.ingest(rows)
    workshop.split(lambda row: "train" if row["line"] <= 208 else "test")
    share, across = facts_of(workshop, "QUA-001")
    assert share.value == pytest.approx(7 / 300)
    assert share.detail["cluster_sizes"] == {"1": 287, "2": 5, "3": 1}
    assert share.low is not None
    assert share.high is not None
    assert share.low < 7 / 300 < share.high
    assert share.outcome == "WARN"
    # Line 211 repeats line 1 and line 201.
    assert (across.slice, across.value, across.outcome) == ("across splits", 2, "FAIL")
    assert across.detail["pairs"] == {"test and train": 2}


def test_no_near_duplicates_pass_only_with_enough_rows(workshop: Any, many_rows: MakeRows) -> None:
    workshop.ingest(many_rows(310))
    share, across = facts_of(workshop, "QUA-001")
    assert (share.value, share.outcome) == (0, "PASS")
    assert share.high == pytest.approx(1 - 0.05 ** (1 / 310))
    assert across.outcome == "NOT_RUN"
    strict = main_fact(workshop, "QUA-001", policy=PolicyConfig(max_near_duplicates=0.001))
    assert strict.outcome == "INSUFFICIENT"
    assert strict.n_needed == 2995


def test_contamination_needs_files_and_finds_what_they_hold(
    workshop: Any, many_rows: MakeRows, tmp_path: Path
) -> None:
    rows = many_rows(80)
    workshop.ingest(rows)
    assert main_fact(workshop, "QUA-002").outcome == "NOT_RUN"
    suite = tmp_path / "suite.jsonl"
    suite.write_text(
        "".join(f'{{"question": "{rows[i]["prompt"]}", "answer": "1"}}\n' for i in (3, 40, 79)),
        encoding="utf-8",
    )
    found = main_fact(workshop, "QUA-002", evaluation_files=[str(suite)])
    assert (found.value, found.outcome) == (3 / 80, "FAIL")
    assert found.detail["files"] == ["suite.jsonl"]
    clean = tmp_path / "clean.jsonl"
    clean.write_text(
        '{"question": "In which year did the lighthouse keeper of Ravel sell his nine green boats?", "answer": "1"}\n'
    )
    assert main_fact(workshop, "QUA-002", evaluation_files=[str(clean)]).outcome == "PASS"


def test_small_tasks_are_named(workshop: Any, many_rows: MakeRows) -> None:
    workshop.ingest(many_rows(800))
    smallest, poem, mail = facts_of(workshop, "QUA-005")
    assert (smallest.value, smallest.outcome, smallest.n_needed) == (160, "WARN", 500)
    assert "poem (160)" in smallest.detail["says"]
    assert (poem.slice, poem.outcome) == ("task=poem", "WARN")
    assert (mail.slice, mail.value, mail.outcome) == ("task=mail", 640, "PASS")


def test_without_a_task_column_the_version_is_one_task(workshop: Any, many_rows: MakeRows) -> None:
    workshop.ingest(many_rows(520))
    (fact,) = facts_of(workshop, "QUA-005", task="no_such_column")
    assert (fact.value, fact.outcome) == (520, "PASS")


# ---------------------------------------------------------------- personal data


def test_personal_data_is_counted_by_type_and_never_shown(workshop: Any, many_rows: MakeRows) -> None:
    rows = many_rows(400)
    for row in rows[:20]:
        row["completion"] += f" write to {ADDRESS}"
    workshop.ingest(rows)
    workshop.stage("pii", [], PII)
    share, mails = facts_of(workshop, "PII-001")
    assert (share.value, share.n, share.outcome) == (0.05, 400, "FAIL")
    assert (mails.slice, mails.value, mails.detail) == ("type=EMAIL_ADDRESS", 0.05, {"rows": 20})
    assert ADDRESS not in repr([share, mails])


def test_finding_nothing_states_the_bound_that_the_rows_give(workshop: Any, many_rows: MakeRows) -> None:
    workshop.ingest(many_rows(320))
    workshop.stage("pii", [], PII)
    fact = main_fact(workshop, "PII-001")
    assert (fact.value, fact.outcome) == (0, "PASS")
    assert fact.high == pytest.approx(1 - 0.05 ** (1 / 320))
    few = main_fact(workshop, "PII-001", policy=PolicyConfig(pii_rows=100))
    assert (few.n, few.outcome, few.n_needed) == (100, "INSUFFICIENT", 299)


def test_a_missing_model_is_not_run_and_says_so(workshop: Any, many_rows: MakeRows) -> None:
    workshop.ingest(many_rows(40))
    workshop.stage(
        "pii", [], {**PII, "engine": "presidio", "spacy_model": "no_such_model", "entities": ["PERSON"]}
    )
    fact = main_fact(workshop, "PII-001")
    assert (fact.outcome, fact.value) == ("NOT_RUN", None)
    assert "no_such_model" in fact.detail["says"]


# ---------------------------------------------------------------- groups


def test_representation_against_a_reference(workshop: Any, many_rows: MakeRows) -> None:
    workshop.ingest(many_rows(400))
    even, older, younger = sorted(
        facts_of(workshop, "FAI-001", reference={"audience": {"younger": 0.5, "older": 0.5}}),
        key=lambda f: f.slice,
    )
    assert (older.slice, older.value, older.outcome) == ("audience=older", 0.25, "FAIL")
    assert younger.outcome == "PASS"
    assert (even.slice, even.outcome, even.value) == ("all", "FAIL", 0.25)
    right = main_fact(workshop, "FAI-001", reference={"audience": {"younger": 0.75, "older": 0.25}})
    assert right.outcome == "PASS"


def test_a_reference_group_without_any_row_fails(workshop: Any, many_rows: MakeRows) -> None:
    workshop.ingest(many_rows(400))
    shares = {"younger": 0.6, "older": 0.2, "children": 0.2}
    facts = {f.slice: f for f in facts_of(workshop, "FAI-001", reference={"audience": shares})}
    assert (facts["audience=children"].value, facts["audience=children"].outcome) == (0, "FAIL")


def test_without_a_reference_nothing_passes_and_small_groups_are_named(
    workshop: Any, many_rows: MakeRows
) -> None:
    workshop.ingest(many_rows(400))
    assert main_fact(workshop, "FAI-001").outcome == "INFO"
    facts = {f.slice: f for f in facts_of(workshop, "FAI-001", policy=PolicyConfig(min_share=0.4))}
    assert facts["audience=older"].outcome == "WARN"
    assert facts["all"].outcome == "WARN"
    assert "audience=older" in facts["all"].detail["says"]


def test_label_imbalance_is_found_with_its_size(workshop: Any, many_rows: MakeRows) -> None:
    rows = [
        {
            "text": row["prompt"],
            "label": "spam" if i % 4 == 0 and i % 8 else "ham",
            "audience": row["audience"],
        }
        for i, row in enumerate(many_rows(800))
    ]
    workshop.ingest(rows)
    main, gap = facts_of(workshop, "FAI-002")
    assert gap.slice == "label=spam | audience=older"
    assert (gap.value, gap.n, gap.outcome) == (0.5, 200, "FAIL")
    assert gap.detail["p_adjusted"] < 1e-9
    assert "label=spam" in main.detail["says"]


def test_without_labels_answer_lengths_are_compared(
    workshop: Any, many_rows: MakeRows, sentences: Callable[..., str]
) -> None:
    rows = [
        {**row, "completion": sentences(i, 30 if row["audience"] == "older" else 10)}
        for i, row in enumerate(many_rows(400))
    ]
    workshop.ingest(rows)
    main, gap = facts_of(workshop, "FAI-002")
    assert gap.slice.startswith("answer longer than the median")
    assert gap.detail["found"] == gap.n == 100
    assert main.outcome == "FAIL"


def test_no_groups_is_not_run(workshop: Any, many_rows: MakeRows) -> None:
    rows = [{"prompt": row["prompt"], "completion": row["completion"]} for row in many_rows(60)]
    workshop.ingest(rows, groups=())
    for check in ("FAI-001", "FAI-002", "FAI-010"):
        assert main_fact(workshop, check).outcome == "NOT_RUN"


def test_group_columns_are_found_and_unknown_ones_refused(workshop: Any, many_rows: MakeRows) -> None:
    rows = [{**row, "region": "ab"[i % 2], "number": str(i)} for i, row in enumerate(many_rows(100))]
    workshop.ingest(rows, groups=())
    assert Context.of(workshop.store, AuditConfig()).groups == ["audience", "region"]
    with pytest.raises(ConfigError, match="has a column 'audiences'") as refused:
        Context.of(workshop.store, AuditConfig(groups=["audiences"]))
    assert "did you mean 'audience'" in str(refused.value)


def test_odd_group_names_are_data_and_not_sql(workshop: Any, many_rows: MakeRows) -> None:
    rows = [{**row, 'who\'s "it"?': "o'h | =1" if i % 3 else "b"} for i, row in enumerate(many_rows(120))]
    workshop.ingest(rows, groups=('who\'s "it"?',))
    facts = facts_of(workshop, "FAI-001")
    assert [f.value for f in facts[1:]] == pytest.approx([2 / 3, 1 / 3])
    workshop.drop("exact", lambda row: row["line"] % 3 == 0)
    facts += facts_of(workshop, "FAI-010")
    assert facts[-1].detail["group"] == 'who\'s "it"?=b'
    for fact in facts:
        assert workshop.store.query(fact.evidence)["value"].item() == pytest.approx(fact.value)


# ---------------------------------------------------------------- all of them


@pytest.fixture
def full(workshop: Any, many_rows: MakeRows) -> Any:
    """A version with everything: labels, groups, stages, splits."""
    rows = [{**row, "label": "abc"[i % 3], "region": "nsew"[i % 4]} for i, row in enumerate(many_rows(400))]
    workshop.ingest(rows, broken=2, groups=("audience", "region"))
    workshop.drop("exact", lambda row: row["line"] % 20 == 0)
    workshop.drop("quality", lambda row: row["audience"] == "older" and row["line"] % 5 == 0)
    workshop.stage("pii", [], PII)
    workshop.split(lambda row: ("train", "train", "train", "validation", "test")[row["line"] % 5])
    return workshop


def test_the_evidence_of_every_fact_gives_its_value_again(full: Any) -> None:
    facts = run_checks(Context.of(full.store, AuditConfig()), selected([]))
    by_sql = [fact for fact in facts if re.match(r"SELECT|WITH", fact.evidence)]
    assert len(by_sql) > 30
    for fact in by_sql:
        value = full.store.query(fact.evidence)["value"].item()
        if fact.value is not None:
            assert value == pytest.approx(fact.value), fact.slice
    others = {fact.name for fact in facts} - {fact.name for fact in by_sql}
    assert others == {"QUA-001", "QUA-002", "QUA-003"} | {
        name for name in CHECKS if name[:3] in ("PII", "RTS")
    }
    for fact in facts:
        if fact.name in others and fact.outcome != "NOT_RUN":
            assert fact.evidence.startswith(f"python -m audit version={fact.subject}")
            assert f"check={fact.name}" in fact.evidence


def test_every_fact_has_what_a_reader_needs(full: Any) -> None:
    facts = run_checks(Context.of(full.store, AuditConfig()), selected([]))
    assert [f.name for f in facts if f.slice == "all"] == list(CHECKS)
    for fact in facts:
        if fact.outcome == "NOT_RUN":
            assert fact.detail["says"]
            continue
        assert fact.n is not None
        assert fact.method
        assert fact.threshold or fact.outcome == "INFO"
        if fact.low is not None:
            assert fact.level is not None
        if fact.value is not None and fact.low is not None and fact.high is not None:
            assert fact.low <= fact.value <= fact.high


def test_facts_come_back_from_the_store_as_they_were(full: Any) -> None:
    from audit.report import stored_facts

    context = Context.of(full.store, AuditConfig())
    facts = run_checks(context, selected([]))
    full.store.add_facts(facts)
    assert stored_facts(context, facts) == facts


def test_unknown_ids_and_empty_versions_are_refused(workshop: Any, many_rows: MakeRows) -> None:
    with pytest.raises(ConfigError, match="there is no check 'QUA-01'") as refused:
        selected(["QUA-01"])
    assert "QUA-001" in str(refused.value)
    assert "FAI-010" in str(refused.value)
    assert [check.id for check in selected(["pii-001", "SRC-001"])] == ["SRC-001", "PII-001"]
    workshop.ingest(many_rows(5))
    workshop.drop("exact", lambda row: True)
    with pytest.raises(StoreError, match="has no rows"):
        Context.of(workshop.store, AuditConfig())
