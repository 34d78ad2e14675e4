"""Quality: records that teach a model nothing, or something wrong.

Families of rules, each a module with REASONS and `find(batch, config)`, are asked in the order of FAMILIES in
config.py. A record is dropped for its first finding in a family set to `drop`; all its other findings are
noted as tags, so that a threshold can be discussed with the numbers at hand. The score is what was compared
with the threshold.
"""

from __future__ import annotations

from collections.abc import Callable

import polars as pl

from curation.quality import (
    chat,
    copying,
    document,
    empty,
    encoding,
    language,
    length,
    markup,
    refusal,
    repetition,
    truncation,
)
from curation.quality.config import FAMILIES, Consequence, QualityConfig
from curation.quality.subject import COLUMNS, prepare
from data.records import Records
from data.verdicts import Verdicts, verdicts

__all__ = [
    "COLUMNS",
    "FAMILIES",
    "REASONS",
    "Consequence",
    "QualityConfig",
    "judge",
    "judge_batch",
    "warm_up",
]

_FIND: dict[str, Callable[[pl.DataFrame, QualityConfig], list[pl.DataFrame]]] = {
    "chat": chat.find,
    "empty": empty.find,
    "length": length.find,
    "encoding": encoding.find,
    "refusal": refusal.find,
    "copy": copying.find,
    "repetition": repetition.find,
    "language": language.find,
    "input_encoding": encoding.find_in_input,
    "truncation": truncation.find,
    "markup": markup.find,
    "document": document.find,
}
REASONS: dict[str, str] = {
    **chat.REASONS,
    **empty.REASONS,
    **length.REASONS,
    **encoding.REASONS,
    **refusal.REASONS,
    **copying.REASONS,
    **repetition.REASONS,
    **language.REASONS,
    **truncation.REASONS,
    **markup.REASONS,
    **document.REASONS,
}


def judge(records: Records, config: QualityConfig) -> Verdicts:
    """At most one drop a record, and a tag for each further finding."""
    if not config.enabled:
        return verdicts()
    return pl.concat([verdicts(), *(judge_batch(batch, config) for batch in records.batches(*COLUMNS))])


def warm_up() -> None:
    """Load compiled code and the model that tells languages apart: half a second of the first batch."""
    from curation.languages import identifier
    from curation.quality.measures import measures

    measures(pl.Series(["one"]), pl.Series([True]))
    identifier().classify("one")


def judge_batch(batch: pl.DataFrame, config: QualityConfig) -> Verdicts:
    """The verdicts of a batch with COLUMNS, ordered by record_id, a drop before the tags."""
    if not config.enabled or batch.is_empty():
        return verdicts()
    prepared = prepare(batch, config)
    found = [
        frame.with_columns(drops=pl.lit(config.does(family) is Consequence.drop))
        for family in FAMILIES
        if config.does(family) is not Consequence.off
        for frame in _FIND[family](prepared, config)
        if not frame.is_empty()
    ]
    if not found:
        return verdicts()
    ordered = pl.concat(found).sort("record_id", ~pl.col("drops"), maintain_order=True)
    is_first = pl.int_range(pl.len()).over("record_id") == 0
    action = pl.when(pl.col("drops") & is_first).then(pl.lit("drop")).otherwise(pl.lit("tag"))
    return verdicts(ordered.with_columns(action=action).drop("drops"))
