"""PII-004, PII-005 and PII-007: what the scrubbing's detector finds where the truth is known, because we planted it.

Names stand for nobody, and their origin is the list that they were drawn from: no person's origin is guessed.
"""

from __future__ import annotations

from audit import statistics
from audit.context import Context
from audit.gaps import Counts, compare, gap_facts, worst_gap
from audit.pii_tallies import Tally, detector_signature, planted_signature, scanned, tallies
from audit.planted_texts import LOWER, WRITTEN, clean
from audit.privacy import detector
from audit.shares import upper_if_none
from data.facts import Fact, Outcome
from data.report.wording import percent


def planted_recall(context: Context) -> list[Fact]:
    """PII-004: the share of planted values found, by stratum; the worst stratum stands for the check.

    Intervals are simultaneous (Clopper & Pearson's at 1 - (1 - level) / strata, Bonferroni): the worst of many is
    looked at. A stratum whose type the stage was not asked for is measured, and does not decide.
    """
    strata_found = tallies(context)
    wanted = set(detector(context).entities)
    asked = {name for name, tally in strata_found.items() if set(tally.types) & wanted}
    level = 1 - (1 - context.policy.level) / len(strata_found)
    least = context.policy.min_planted_recall
    strata = [
        _stratum(context, tally, level, asked=name in asked, least=least)
        for name, tally in strata_found.items()
    ]
    deciding = [fact for fact in strata if fact.detail["asked"]] or strata
    worst = min(deciding, key=lambda fact: (fact.low or 0, fact.value or 0, fact.slice))
    sure = sum((fact.low or 0) >= least for fact in deciding)
    says = (
        f"Of planted values, {worst.detail['found']} of {worst.n} were found in the worst stratum "
        f"({worst.detail['stratum']}): at least {percent(worst.low)} of such values are found. In {sure} of "
        f"{len(deciding)} strata at least {percent(least)} are, surely."
    )
    main = context.fact(
        "PII-004",
        worst.value,
        "fraction",
        n=worst.n,
        low=worst.low,
        high=worst.high,
        level=worst.level,
        method=worst.method,
        signature=worst.signature,
        outcome=worst.outcome,
        n_needed=worst.n_needed,
        threshold=worst.threshold,
        evidence=worst.evidence,
        detail={"says": says, "shown": worst.detail["stratum"], "strata": len(strata)},
    )
    return [main, *strata]


def _stratum(context: Context, tally: Tally, level: float, *, asked: bool, least: float) -> Fact:
    n, found, stratum = tally.n, tally.found, tally.stratum
    low, high = statistics.clopper_pearson(found, n, level)
    best = statistics.clopper_pearson(n, n, level).low
    if low >= least:
        outcome = Outcome.PASS
    elif high < least:
        outcome = Outcome.FAIL
    else:
        outcome = Outcome.INSUFFICIENT if best < least else Outcome.WARN
    needed = next(
        (m for m in range(n, 100_000) if statistics.clopper_pearson(m, m, level).low >= least), None
    )
    return context.fact(
        "PII-004",
        found / n,
        "fraction",
        slice=f"stratum={stratum}",
        n=n,
        low=low,
        high=high,
        level=level,
        method="Clopper-Pearson, simultaneous (Bonferroni)",
        signature=planted_signature(context),
        outcome=outcome.value if asked else Outcome.INFO.value,
        n_needed=needed if asked and outcome is Outcome.INSUFFICIENT else None,
        threshold=f"at least {percent(least)} found in every stratum" if asked else "not asked for",
        evidence=context.rerun("PII-004"),
        detail={
            "stratum": stratum,
            "found": found,
            "asked": asked,
            "types": list(tally.types),
            "origin": tally.origin,
            "case": tally.case,
        },
    )


def recall_parity(context: Context) -> list[Fact]:
    """PII-005: planted names of each origin against those of all others, and lower case against as written."""
    names = [tally for tally in tallies(context).values() if tally.origin]
    written = [tally for tally in names if tally.case == WRITTEN]
    family = [
        *(
            _counts(f"origin={tally.origin}", [tally], [t for t in written if t is not tally])
            for tally in written
        ),
        _counts(f"case={LOWER}", [tally for tally in names if tally.case == LOWER], written),
    ]
    most = context.policy.max_recall_gap
    gaps = compare(family, most, context.policy)
    worst = worst_gap(gaps)
    counts = worst.counts
    says = (
        f"The largest difference is that of {counts.group}: {counts.found} of {counts.n} such names were found, of all "
        f"others {counts.other_found} of {counts.other_n}."
    )
    evidence = {gap.counts.what: context.rerun("PII-005") for gap in gaps}
    return gap_facts(context, "PII-005", gaps, evidence, most, says)


def _counts(group: str, own: list[Tally], others: list[Tally]) -> Counts:
    return Counts(
        "names found",
        group,
        sum(tally.found for tally in own),
        sum(tally.n for tally in own),
        sum(tally.found for tally in others),
        sum(tally.n for tally in others),
    )


def over_redaction(context: Context) -> list[Fact]:
    """PII-007: the share of texts without personal data in which something would be masked."""
    texts = clean(context.policy.pii_clean, context.config.seed)
    hits = [bool(own) for own in scanned(context, texts)]
    n, found = len(hits), sum(hits)
    low, high = statistics.clopper_pearson(found, n, context.policy.level)
    high = upper_if_none(found, n, high, context.policy.level)
    most = context.policy.max_over_redaction
    needed = statistics.rows_for_zero_found(most, context.policy.level)
    if high <= most:
        outcome = Outcome.PASS
    elif low > most:
        outcome = Outcome.FAIL
    else:
        outcome = Outcome.WARN if found else Outcome.INSUFFICIENT
    return [
        context.fact(
            "PII-007",
            found / n,
            "fraction",
            n=n,
            low=low,
            high=high,
            level=context.policy.level,
            method="Clopper-Pearson" + (", one-sided" if found == 0 else ""),
            signature=detector_signature(context),
            outcome=outcome.value,
            n_needed=needed if outcome is Outcome.INSUFFICIENT else None,
            threshold=f"at most {percent(most)} of clean texts",
            evidence=context.rerun("PII-007"),
            detail={
                "says": f"In {found} of {n} texts that hold no personal data something would be masked: at most "
                f"{percent(high)} of such texts."
            },
        )
    ]
