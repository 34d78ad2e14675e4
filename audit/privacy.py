"""Personal data that is left. Findings are counted by type; no finding is ever kept or shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from audit.context import Context
from audit.leaks import leak_facts
from data.facts import Fact
from data.records import drawn
from data.report.wording import counted, number, percent

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

    config = detector(context)
    sample = drawn(
        context.frame("record_id", "messages", "replaced"), context.policy.pii_rows, context.config.seed
    )
    # Message by message, as the stage reads them: where two are joined, a model sees names that are none.
    with Scanner(config, records=sample.height) as scanner:
        # Where scrubbing put a made-up value (its place is recorded) nothing is looked for: it is nobody's.
        masked = mask(sample["messages"].to_list(), scanner, None, sample["replaced"].to_list())
        found = [record.counts for record in masked]
    only_patterns = NO_NAMES if config.engine is Engine.patterns else ""
    facts = leak_facts(
        context,
        "PII-001",
        found,
        what="what the scrubbing's detector looks for",
        signature=f"engine:{config.engine.value}|"
        + (f"model:{config.spacy_model}|" if config.engine is Engine.presidio else "")
        + f"threshold:{config.threshold}|entities:{len(config.entities)}",
        scrubbed=context.stage("pii") is not None,
    )
    hits = sum(1 for counts in found if counts)
    facts[0].detail["says"] = _says(hits, sample.height, facts[0].high or 0, context) + only_patterns
    return facts


def detector(context: Context) -> PiiConfig:
    """The configuration that the pii stage ran with; the default one where it did not run."""
    from dataclasses import fields

    from conf.app import restored
    from curation.pii.config import PiiConfig

    stage = context.stage("pii")
    known = {field.name for field in fields(PiiConfig)}
    return restored(PiiConfig, {k: v for k, v in stage.config.items() if k in known} if stage else {})


def _says(hits: int, n: int, high: float, context: Context) -> str:
    scrubbed = "after scrubbing" if context.stage("pii") else "although no scrubbing was recorded"
    level = f"{100 * context.policy.level:g} %"
    if hits == 0:
        return (
            f"The detector found nothing in {counted(n, 'row')} {scrubbed}: with {level} confidence, at most "
            f"{percent(high)} of such rows hold something that it can see."
        )
    scrubbed = "after scrubbing" if context.stage("pii") else "(no scrubbing was recorded)"
    return f"The detector still finds personal data in {number(hits)} of {counted(n, 'row')} {scrubbed}."
