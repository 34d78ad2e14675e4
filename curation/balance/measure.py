"""What balancing did, as facts: records of each value before and after, and the synthetic share."""

from __future__ import annotations

import polars as pl

from curation.balance.choose import MISSING, members
from curation.balance.config import BalanceConfig
from data.facts import Fact, Outcome
from data.records import Records

# A column with more values than this is described by its most frequent ones.
MOST_VALUES = 200


def measure(before: Records, after: Records, config: BalanceConfig) -> list[Fact]:
    """`balance_rows` for each value and in all; `balance_synthetic_fraction` where that is known."""
    if not config.enabled:
        return []
    old, new = members(before, config), members(after, config)
    facts = [_rows(after.version, "all", old.height, new.height, config, least=0)]
    if config.column:
        for _, label, was, now in sizes(old, new).head(MOST_VALUES).iter_rows():
            least = 0 if label == MISSING else config.min_rows
            facts.append(_rows(after.version, f"{config.column}={label}", was, now, config, least=least))
    if config.synthetic_column and new.height:
        facts.append(_synthetic(after.version, old, new, config))
    return facts


def sizes(old: pl.DataFrame, new: pl.DataFrame) -> pl.DataFrame:
    """value, label, before, after of two frames of `members`; the most frequent first.

    The label is the value, unless that looks like personal data: then its type and number, `<EMAIL_ADDRESS> 2`.
    """
    counts = (
        old.group_by("value")
        .agg(before=pl.len().cast(pl.Int64))
        .join(
            new.group_by("value").agg(after=pl.len().cast(pl.Int64)), on="value", how="left", nulls_equal=True
        )
        .with_columns(pl.col("after").fill_null(0))
        .sort(["before", "value"], descending=[True, False], nulls_last=True)
    )
    labels = pl.Series(_labels(counts["value"].to_list()), dtype=pl.String)
    return counts.select("value", labels.alias("label"), "before", "after")


def _labels(values: list[str | None]) -> list[str]:
    from curation.pii.config import Engine, PiiConfig
    from curation.pii.detect import scan

    found = scan([value or "" for value in values], PiiConfig(engine=Engine.patterns))
    return [
        MISSING if value is None else f"<{findings[0].type}> {number}" if findings else value
        for number, (value, findings) in enumerate(zip(values, found, strict=True), start=1)
    ]


def _rows(version: str, part: str, was: int, now: int, config: BalanceConfig, *, least: int) -> Fact:
    return Fact(
        subject=version,
        subject_kind="version",
        name="balance_rows",
        value=float(now),
        unit="rows",
        slice=part,
        n=was,
        method="counted; n is the number before the caps",
        signature=f"max_rows:{config.max_rows}|max_fraction:{config.max_fraction}|seed:{config.seed}",
        outcome=(Outcome.INFO if not least else Outcome.PASS if now >= least else Outcome.WARN).value,
        threshold=f"at least {least:,} rows" if least else "",
        detail={"before": was, "after": now},
    )


def _synthetic(version: str, old: pl.DataFrame, new: pl.DataFrame, config: BalanceConfig) -> Fact:
    was, now = int(old["synthetic"].sum()), int(new["synthetic"].sum())
    share, limit = now / new.height, config.max_synthetic_fraction
    return Fact(
        subject=version,
        subject_kind="version",
        name="balance_synthetic_fraction",
        value=share,
        unit="fraction",
        n=new.height,
        method="counted, by what the records state",
        signature=f"column:{config.synthetic_column}|values:{','.join(config.synthetic_values)}",
        outcome=(
            Outcome.INFO if not config.caps_synthetic else Outcome.PASS if share <= limit else Outcome.FAIL
        ).value,
        threshold=f"at most {limit} of the rows" if config.caps_synthetic else "",
        detail={"before": was, "after": now, "rows_before": old.height},
    )
