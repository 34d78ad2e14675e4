"""Personal data that is left. Findings are counted by type; no finding is ever kept or shown."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from audit import statistics
from audit.context import Context
from audit.shares import at_most, demand, upper_if_none
from data.facts import Fact
from data.records import drawn
from data.report.wording import number, percent

if TYPE_CHECKING:
    from curation.pii.config import PiiConfig


NO_NAMES = " It is the pattern detector, which looks for no names or places."


def personal_data_left(context: Context) -> list[Fact]:
    """PII-001: the share of rows in which the scrubbing's own detector still finds personal data.

    The bound is Clopper & Pearson's. It speaks of what this detector can see, and of nothing else.
    """
    from curation.pii.config import Engine
    from curation.pii.detect import Scanner
    from curation.pii.masking import mask

    config = _detector(context)
    sample = drawn(
        context.frame("record_id", "messages", "replaced"), context.policy.pii_rows, context.config.seed
    )
    # Message by message, as the stage reads them: where two are joined, a model sees names that are none.
    with Scanner(config, records=sample.height) as scanner:
        # Where scrubbing put a made-up value (its place is recorded) nothing is looked for: it is nobody's.
        masked = mask(sample["messages"].to_list(), scanner, None, sample["replaced"].to_list())
        found = [record.counts for record in masked]
    n, hits = sample.height, sum(1 for counts in found if counts)
    rows_by_type = Counter(kind for counts in found for kind in counts)
    low, high = statistics.clopper_pearson(hits, n, context.policy.level)
    high = upper_if_none(hits, n, high, context.policy.level)
    outcome, needed = at_most(hits, n, (low, high), context.policy.max_pii_leak, context.policy)
    common: dict[str, Any] = {
        "n": n,
        "level": context.policy.level,
        "method": "Clopper-Pearson" + (", one-sided" if hits == 0 else ""),
        "signature": f"engine:{config.engine.value}|"
        + (f"model:{config.spacy_model}|" if config.engine is Engine.presidio else "")
        + f"threshold:{config.threshold}|"
        f"entities:{len(config.entities)}|seed:{context.config.seed}|rows:{n}/{context.version.rows}",
        "evidence": context.rerun("PII-001"),
    }
    main = context.fact(
        "PII-001",
        hits / n if n else None,
        "fraction",
        low=low,
        high=high,
        outcome=outcome,
        n_needed=needed,
        threshold=demand(context.policy.max_pii_leak),
        detail={
            "says": _says(hits, n, high, context) + (NO_NAMES if config.engine is Engine.patterns else ""),
            "scrubbed": context.stage("pii") is not None,
        },
        **common,
    )
    by_type = [
        context.fact(
            "PII-001",
            rows / n,
            "fraction",
            slice=f"type={kind}",
            low=(bounds := statistics.clopper_pearson(rows, n, context.policy.level)).low,
            high=bounds.high,
            detail={"rows": rows},
            **common,
        )
        for kind, rows in sorted(rows_by_type.items(), key=lambda item: (-item[1], item[0]))
    ]
    return [main, *by_type]


def _detector(context: Context) -> PiiConfig:
    """The configuration that the pii stage ran with; the default one where it did not run."""
    from dataclasses import fields

    from curation.pii.config import Engine, Operator, PiiConfig

    stage = context.stage("pii")
    if stage is None:
        return PiiConfig()
    known = {f.name for f in fields(PiiConfig)}
    values = {key: value for key, value in stage.config.items() if key in known}
    values |= {"engine": Engine(values["engine"]), "operator": Operator(values["operator"])}
    return PiiConfig(**values)


def _says(hits: int, n: int, high: float, context: Context) -> str:
    scrubbed = "after scrubbing" if context.stage("pii") else "although no scrubbing was recorded"
    level = f"{100 * context.policy.level:g} %"
    if hits == 0:
        return (
            f"The detector found nothing in {number(n)} rows {scrubbed}: with {level} confidence, at most "
            f"{percent(high)} of such rows hold something that it can see."
        )
    scrubbed = "after scrubbing" if context.stage("pii") else "(no scrubbing was recorded)"
    return f"The detector still finds personal data in {number(hits)} of {number(n)} rows {scrubbed}."
