"""The proof of scrubbing: each check passes by its bound, fails on a planted fault, and shows no value."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from audit import pii_planted, pii_tallies, planted_texts
from audit.checks import run_checks, selected
from audit.config import AuditConfig, PolicyConfig
from audit.context import Context
from audit.pii_independent import found_in
from conf.app import compose
from data.erasures import Erasure
from data.errors import ConfigError, SourceError
from data.facts import Fact

MakeRows = Callable[[int], list[dict[str, Any]]]
PII = {"engine": "patterns", "operator": "placeholder", "threshold": 0.4}


def measured(workshop: Any, check: str, **config: Any) -> list[Fact]:
    policy = config.pop("policy", PolicyConfig())
    return run_checks(Context.of(workshop.store, AuditConfig(policy=policy, **config)), selected([check]))


def scrubbed(workshop: Any, rows: list[dict[str, Any]], **pii: Any) -> None:
    workshop.ingest(rows)
    workshop.stage("pii", [], {**PII, **pii})


# ---------------------------------------------------------------- the independent family


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("mail bob@x.example.org now", ["EMAIL_ADDRESS"]),
        ("card 4111 1111 1111 1111 please", ["CREDIT_CARD"]),
        ("card 4111 1111 1111 1112 please", []),  # the checksum is wrong
        ("to DE89 3704 0044 0532 0130 00 by Monday", ["IBAN_CODE"]),
        ("to DE88 3704 0044 0532 0130 00 by Monday", []),
        ("his number 536-90-4399 was on it", ["US_SSN"]),
        ("call (415) 555-2671 or +44 20 7946 0958", ["PHONE_NUMBER", "PHONE_NUMBER"]),
        ("the DNI 54362315K of the tenant", ["NATIONAL_ID"]),
        ("order 20250101123456, version 1.2.3, on 2024-11-05 10:30 for 1,234.50", []),
        ("write to <EMAIL_ADDRESS> or <PHONE_NUMBER>", []),
    ],
)
def test_the_independent_family_goes_by_checksums_and_number_plans(text: str, kinds: list[str]) -> None:
    assert [kind for kind, _, _ in found_in(text)] == kinds


def test_the_rescan_passes_by_its_bound_and_finds_what_was_left(workshop: Any, many_rows: MakeRows) -> None:
    rows = many_rows(320)
    scrubbed(workshop, rows)
    (fact,) = measured(workshop, "PII-002")
    assert (fact.outcome, fact.value, fact.n) == ("PASS", 0.0, 320)
    assert fact.high == pytest.approx(1 - 0.05 ** (1 / 320))
    (few,) = measured(workshop, "PII-002", policy=PolicyConfig(pii_rows=200))
    assert (few.outcome, few.n_needed) == ("INSUFFICIENT", 299)


def test_a_rescan_counts_types_and_shows_none(workshop: Any, many_rows: MakeRows) -> None:
    rows = many_rows(320)
    for row in rows[:20]:
        row["completion"] += " reach me at someone@left-example.org"
    rows[30]["completion"] += " key AKIAIOSFODNN7EXAMPLE"
    scrubbed(workshop, rows)
    main, by_type = measured(workshop, "PII-002")
    assert main.outcome == "FAIL"
    assert main.value == by_type.value == 20 / 320
    assert by_type.slice == "type=EMAIL_ADDRESS"
    secret, kind = measured(workshop, "PII-010")
    assert (secret.outcome, kind.slice) == ("WARN", "type=AWS Access Key")
    assert "left-example" not in str([main, by_type]) and "AKIA" not in str([secret, kind])


# ---------------------------------------------------------------- planted


def test_planted_texts_hold_what_they_say_and_are_the_same_again() -> None:
    texts = list(planted_texts.planted(3, seed=1))
    assert texts == list(planted_texts.planted(3, seed=1))
    assert texts != list(planted_texts.planted(3, seed=2))
    assert len({text.stratum for text in texts}) == 2 * len(planted_texts.ORIGINS) + len(planted_texts.VALUES)
    for text in texts:
        assert text.text[text.start : text.end].strip()
        assert text.start == 0 or not text.text[text.start - 1].isalnum()
    assert len(set(planted_texts.names(50, 1))) == 50


def test_the_worst_stratum_decides_by_its_lower_bound(workshop: Any, many_rows: MakeRows) -> None:
    scrubbed(workshop, many_rows(40), entities=["EMAIL_ADDRESS", "CREDIT_CARD", "IBAN_CODE", "US_SSN"])
    main, *strata = measured(workshop, "PII-004")
    by = {fact.detail["stratum"]: fact for fact in strata}
    # Patterns find an address as it is written, and none that is spelled out.
    assert by["e-mail"].value == by["card"].value == by["IBAN"].value == 1.0
    assert by["e-mail"].outcome == "PASS"
    assert (by["e-mail spelled out"].value, by["e-mail spelled out"].outcome) == (0.0, "FAIL")
    assert (main.outcome, main.detail["shown"]) == ("FAIL", "e-mail spelled out")
    # Names were not asked for: measured, and not decisive.
    assert by["name en_US, as written"].outcome == "INFO"
    # Simultaneous over the strata: 32 of 32 at 1 - .05/30.
    assert by["card"].low == pytest.approx((0.05 / 30 / 2) ** (1 / 32))


def test_too_few_planted_texts_cannot_pass(workshop: Any, many_rows: MakeRows) -> None:
    scrubbed(workshop, many_rows(40), entities=["CREDIT_CARD"])
    main, *_ = measured(workshop, "PII-004", policy=PolicyConfig(pii_planted=10))
    assert (main.value, main.outcome) == (1.0, "INSUFFICIENT")
    assert main.n_needed is not None and main.n_needed > 10


def test_what_was_measured_is_not_measured_again(
    workshop: Any, many_rows: MakeRows, monkeypatch: pytest.MonkeyPatch
) -> None:
    scrubbed(workshop, many_rows(40))
    facts = measured(workshop, "PII-004")
    workshop.store.add_facts(facts)
    monkeypatch.setattr(pii_tallies, "_MEASURED", {})
    monkeypatch.setattr(pii_tallies, "scanned", None)  # calling it would fail
    assert sorted(measured(workshop, "PII-004"), key=lambda f: f.slice) == sorted(
        facts, key=lambda f: f.slice
    )
    monkeypatch.setattr(pii_tallies, "_MEASURED", {})
    with pytest.raises(TypeError):
        measured(workshop, "PII-004", seed=5)


def test_parity_compares_origins_and_case(
    workshop: Any, many_rows: MakeRows, monkeypatch: pytest.MonkeyPatch
) -> None:
    scrubbed(workshop, many_rows(40))

    def biased(context: Context) -> dict[str, pii_tallies.Tally]:
        made = {}
        for origin in planted_texts.ORIGINS:
            for case in (planted_texts.WRITTEN, planted_texts.LOWER):
                found = 40 if origin == "yo_NG" else 190
                made[f"{origin} {case}"] = pii_tallies.Tally(
                    f"{origin} {case}", ("PERSON",), origin, case, 200, found
                )
        return made

    monkeypatch.setattr(pii_planted, "tallies", biased)
    main, *gaps = measured(workshop, "PII-005")
    assert (main.outcome, main.detail["shown"]) == ("FAIL", "names found | origin=yo_NG")
    by = {gap.slice: gap for gap in gaps}
    assert by["names found | case=lower case"].value == 0.0
    assert by["names found | case=lower case"].outcome == "PASS"
    assert {by[f"names found | origin={o}"].outcome for o in planted_texts.ORIGINS if o != "yo_NG"} <= {
        "PASS",
        "INSUFFICIENT",
    }


def test_over_redaction_goes_by_the_upper_bound(
    workshop: Any, many_rows: MakeRows, monkeypatch: pytest.MonkeyPatch
) -> None:
    scrubbed(workshop, many_rows(40))
    (fact,) = measured(workshop, "PII-007")
    assert (fact.outcome, fact.value, fact.n) == ("PASS", 0.0, 96)
    monkeypatch.setattr(
        pii_planted,
        "scanned",
        lambda context, texts: [[(0, 3)] if i % 4 == 0 else [] for i in range(len(texts))],
    )
    (fact,) = measured(workshop, "PII-007")
    assert (fact.outcome, fact.value) == ("FAIL", 0.25)


# ---------------------------------------------------------------- people, pseudonyms, groups


def test_without_people_it_is_not_run_and_says_how_many_rows(workshop: Any, many_rows: MakeRows) -> None:
    scrubbed(workshop, many_rows(40))
    (fact,) = measured(workshop, "PII-006")
    assert (fact.outcome, fact.n_needed) == ("NOT_RUN", 299)
    assert "299 rows drawn by chance" in fact.detail["says"]


def test_a_sample_that_people_read_bounds_the_leaks(
    workshop: Any, many_rows: MakeRows, tmp_path: Path
) -> None:
    scrubbed(workshop, many_rows(320))
    read = tmp_path / "read.jsonl"
    ids = [row["record_id"] for row in workshop.rows()]
    strangers = ["0" * 16]

    def sample(leaks: int) -> str:
        lines = [json.dumps({"record_id": r, "leak": i < leaks}) for i, r in enumerate([*ids, *strangers])]
        read.write_text("\n".join(lines) + "\n")
        return str(read)

    (clean,) = measured(workshop, "PII-006", leak_sample=sample(0))
    assert (clean.outcome, clean.n, clean.value) == ("PASS", 320, 0.0)
    (leaky,) = measured(workshop, "PII-006", leak_sample=sample(16))
    assert (leaky.outcome, leaky.value) == ("FAIL", 0.05)
    read.write_text('{"record_id": "x", "leak": "no"}\n')
    with pytest.raises(SourceError, match="line 1: not a record_id and a leak"):
        measured(workshop, "PII-006", leak_sample=str(read))
    with pytest.raises(SourceError, match="no such file"):
        measured(workshop, "PII-006", leak_sample=str(tmp_path / "absent.jsonl"))


def test_answers_of_the_desk_count_too(workshop: Any, many_rows: MakeRows) -> None:
    scrubbed(workshop, many_rows(40))
    version = workshop.store.resolve("latest")
    fact = Fact(
        subject=version,
        subject_kind="version",
        name="desk_leaks",
        value=0.0,
        unit="fraction",
        n=300,
        slice="dataset=a",
    )
    workshop.store.add_facts([fact])
    (found,) = measured(workshop, "PII-006")
    assert (found.outcome, found.n, found.signature) == ("PASS", 300, "labelling desk, dataset=a")


def test_pseudonyms_are_one_for_one_person(
    workshop: Any, many_rows: MakeRows, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    scrubbed(workshop, many_rows(40))
    (fact,) = measured(workshop, "PII-008")
    assert fact.outcome == "NOT_RUN"
    workshop.stage("pii", [], {**PII, "operator": "pseudonym"})
    # Turkish names are left out here: a dotless i is another letter to the operators (and the check says so).
    monkeypatch.setattr(planted_texts, "ORIGINS", ("en_US", "de_DE", "yo_NG"))
    monkeypatch.setenv("TUNEPROOF_PII_KEY", "an example of a key that is long enough 0123456789")
    (fact,) = measured(workshop, "PII-008", policy=PolicyConfig(pii_pseudonyms=60))
    assert (fact.outcome, fact.value, fact.n) == ("PASS", 1.0, 60)
    monkeypatch.delenv("TUNEPROOF_PII_KEY")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (fact,) = measured(workshop, "PII-008")
    assert fact.outcome == "NOT_RUN"
    assert "The key of the pseudonyms is not here" in fact.detail["says"]


def test_k_anonymity_counts_rows_alike_in_all_groups(workshop: Any, many_rows: MakeRows) -> None:
    rows = many_rows(400)
    scrubbed(workshop, rows)
    (fact,) = measured(workshop, "PII-009", groups=["audience", "task"])
    sizes = pl.DataFrame(rows).group_by("audience", "task").len()["len"]
    assert (fact.value, fact.outcome) == (sizes.min(), "PASS")
    rows[0]["audience"] = "alone"
    workshop.store.connection.execute(
        "UPDATE records SET metadata = replace(metadata, 'older', 'alone') WHERE line = 1"
    )
    (fact,) = measured(workshop, "PII-009", groups=["audience", "task"])
    assert (fact.value, fact.outcome, fact.detail["few"]) == (1.0, "WARN", 1)


# ---------------------------------------------------------------- rights


def test_persons_are_found_in_other_spellings(workshop: Any, many_rows: MakeRows) -> None:
    rows = many_rows(80)
    for i, row in enumerate(rows):
        row["prompt"] += (
            f" Write to person.{i}@rights-example.org." if i % 2 else f" Call (415) 555-{1000 + i}."
        )
    scrubbed(workshop, rows)
    (fact,) = measured(workshop, "RTS-001")
    assert (fact.outcome, fact.value, fact.n) == ("PASS", 1.0, 50)
    assert "rights-example" not in str(fact)
    workshop.store.connection.execute("UPDATE member_rows SET text_hash = 'purged-0'")
    (gone,) = measured(workshop, "RTS-001")
    assert gone.outcome == "NOT_RUN"


def test_erasures_are_closed_or_fail(workshop: Any, many_rows: MakeRows) -> None:
    scrubbed(workshop, many_rows(40))
    assert measured(workshop, "RTS-002")[0].outcome == "NOT_RUN"
    record = workshop.rows()[0]["record_id"]
    report = {
        "found": {"runs": []},
        "files": [],
        "search": {"store_after": 0, "values_in_store": 0, "value_in_files": []},
    }
    workshop.store.save_erasure(Erasure(erasure="e-1", kind="forget", status="done", report=report))
    workshop.store.connection.execute("INSERT INTO forgotten VALUES (?, 'e-1')", [record])
    (fact,) = measured(workshop, "RTS-002")
    assert (fact.outcome, fact.value) == ("FAIL", 2.0)  # its text, and its place in the version
    workshop.drop("forget", lambda row: row["record_id"] == record)
    workshop.store.connection.execute(
        "UPDATE member_rows SET text_hash = 'erased-0' WHERE record_id = ?", [record]
    )
    (fact,) = measured(workshop, "RTS-002")
    assert (fact.outcome, fact.value, fact.n) == ("PASS", 0.0, 1)
    workshop.store.save_erasure(Erasure(erasure="e-2", kind="forget", status="begun", report=report))
    (fact,) = measured(workshop, "RTS-002")
    assert fact.outcome == "FAIL"
    assert "Interrupted and not completed: e-2." in fact.detail["says"]


def test_policy_is_checked_in_the_spelling_of_the_command_line() -> None:
    for override in ("policy.pii_planted=0", "policy.max_remnants=0", "policy.min_k=0", "policy.min_found=2"):
        with pytest.raises(ConfigError, match=override.split("=")[0]):
            compose("audit", AuditConfig, [override])
