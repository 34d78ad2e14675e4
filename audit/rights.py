"""RTS-001 and RTS-002: whether a person's records are found, and whether those that were erased stay away."""

from __future__ import annotations

import re

from audit import statistics
from audit.context import Context
from audit.pii_independent import found_in
from data.certificate import remnants
from data.facts import Fact, Outcome
from data.person import pattern
from data.records import drawn
from data.report.wording import counted, number, percent

ASKED = ("EMAIL_ADDRESS", "PHONE_NUMBER", "US_SSN", "IBAN_CODE")


def records_found(context: Context) -> list[Fact]:
    """RTS-001: the share of addresses and numbers, taken from the texts as they were read, whose record is found.

    They are asked for as another person would write them: in capitals, with other signs between the digits.
    """
    raw = context.lineage[0].version
    frame = context.store.read(raw, readable=True).frame("record_id", "text").collect()
    asked: dict[str, str] = {}
    for record, text in drawn(frame, 20 * context.policy.pii_persons, context.config.seed).iter_rows():
        value = next((text[start:end] for kind, start, end in found_in(text) if kind in ASKED), None)
        if value and len(asked) < context.policy.pii_persons:
            asked[record] = _rewritten(value)
    if not asked:
        why = (
            "The texts as they were read are gone, or hold no address or number to ask for."
            if frame.height < context.lineage[0].rows
            else "The texts as they were read hold no address or number to ask for."
        )
        return [context.not_run("RTS-001", why)]
    wanted = pattern(list(asked.values()), re2=True)
    hits = set(
        context.store.query(
            """SELECT DISTINCT m.record_id FROM members m JOIN texts t USING (text_hash) WHERE m.version = $1
            AND regexp_matches(array_to_string([x.content for x in t.messages], chr(10)), $2)""",
            [raw, wanted],
        )["record_id"]
    )
    found, n = len(hits & set(asked)), len(asked)
    low, high = statistics.clopper_pearson(found, n, context.policy.level)
    least = context.policy.min_found
    needed = next(
        m for m in range(1, 100_000) if statistics.clopper_pearson(m, m, context.policy.level).low >= least
    )
    if low >= least:
        outcome = Outcome.PASS
    elif high < least:
        outcome = Outcome.FAIL
    else:
        outcome = Outcome.INSUFFICIENT if n < needed else Outcome.WARN
    return [
        context.fact(
            "RTS-001",
            found / n,
            "fraction",
            n=n,
            low=low,
            high=high,
            level=context.policy.level,
            method="Clopper-Pearson",
            signature=f"seed:{context.config.seed}|types:{','.join(ASKED)}",
            outcome=outcome.value,
            n_needed=needed if outcome is Outcome.INSUFFICIENT else None,
            threshold=f"at least {percent(least)} of the persons asked for",
            evidence=context.rerun("RTS-001"),
            detail={
                "says": f"Of {counted(n, 'person')}, asked for by an address or number in another spelling, the "
                f"records of {number(found)} were found."
            },
        )
    ]


def _rewritten(value: str) -> str:
    """The value as someone else would write it."""
    return value.upper() if "@" in value else re.sub(r"[\s().-]+", " ", value).strip()


def erasure_closed(context: Context) -> list[Fact]:
    """RTS-002: records that were to be forgotten of which a text or anything searched for is still there."""
    store = context.store
    erasures = store.erasures("forget")
    if not erasures:
        return [context.not_run("RTS-002", "Nobody asked for an erasure in this store.", "records")]
    records = list(store.forgotten())
    left = store.query(
        """SELECT count(DISTINCT record_id) AS n FROM members WHERE list_contains($1, record_id)
        AND NOT contains(text_hash, '-')""",
        [records],
    )["n"].item()
    inside = len(store.present(context.version.version, records))
    begun = [e.erasure for e in erasures if e.status != "done"]
    traces = sum(remnants(e.report) for e in erasures if e.status == "done")
    models = len({run["run_id"] for e in erasures for run in e.report["found"]["runs"]})
    bad = int(left) + inside + traces + len(begun)
    says = (
        f"{counted(len(erasures), 'erasure')} of {counted(len(records), 'record')}: texts left {number(left)}, records "
        f"in this version {number(inside)}, traces found by the searches {number(traces)}."
    )
    if begun:
        says += f" Interrupted and not completed: {', '.join(begun)}."
    if models:
        says += f" Trained on such records before: {counted(models, 'model')}."
    outcome = Outcome.FAIL if bad else Outcome.WARN if models else Outcome.PASS
    return [
        context.fact(
            "RTS-002",
            float(bad),
            "records",
            n=len(records),
            method="complete count",
            outcome=outcome.value,
            threshold="no text, no record in the version, no trace",
            evidence=context.rerun("RTS-002"),
            detail={"says": says, "erasures": [e.erasure for e in erasures], "models": models},
        )
    ]
