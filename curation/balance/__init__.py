"""Balance: no value of a column, and no synthetic text, makes up more of a version than it may.

Records are only left out. A record stands in a version once, so that there is no up-sampling: to weigh a rare value
more is the trainer's business. Which records stay says a hash of the seed and the record's id, without preference for
any. So records that are added push out as few as possible, and a smaller cap keeps a part of what a larger one keeps,
for each cap by itself: with both caps on values and one on synthetic text, more room for one can mean less for another.

Caps by fraction depend on one another and cost more than they seem to: at max_fraction=0.5, 10,000 records of one value
beside 50 of another are cut to 50. The facts `balance_rows` say what was left of each.
"""

from __future__ import annotations

import polars as pl

from curation.balance.choose import check_columns, choose, members
from curation.balance.config import BalanceConfig
from curation.balance.measure import measure, sizes
from data.records import Records
from data.verdicts import Action, Verdicts, verdicts

__all__ = ["REASONS", "BalanceConfig", "judge", "measure"]

REASONS = {
    "balance_cap": "its value of the balanced column has more records than the cap leaves",
    "balance_synthetic": "there is more synthetic text than the cap on its share leaves",
}


def judge(records: Records, config: BalanceConfig) -> Verdicts:
    """Drop what is over a cap; `detail` says how many of how many were kept.

    Raises ConfigError for a column that no record has, and for fractions that no choice of records meets.
    """
    if not config.enabled or not len(records):
        return verdicts()
    check_columns(records, config)
    frame = choose(members(records, config), config)
    stays = pl.col("why").is_null()
    counts = sizes(frame, frame.filter(stays)).select(
        "value", said=_kept(pl.lit(config.column), pl.col("label"), pl.col("after"), pl.col("before"))
    )
    synthetic = frame.filter("synthetic")
    of_synthetic = f"synthetic: {synthetic.filter(stays).height:,} of {synthetic.height:,} kept"
    dropped = frame.filter(~stays).join(counts, on="value", how="left", nulls_equal=True)
    by_value = pl.col("why") == "value"
    return verdicts(
        dropped.select(
            "record_id",
            action=pl.lit(Action.drop.value),
            reason=pl.when(by_value).then(pl.lit("balance_cap")).otherwise(pl.lit("balance_synthetic")),
            detail=pl.when(by_value).then("said").otherwise(pl.lit(of_synthetic)),
        ).sort("record_id")
    )


def _kept(column: pl.Expr, label: pl.Expr, after: pl.Expr, before: pl.Expr) -> pl.Expr:
    """`source=web: 900 of 1,400 kept`."""
    return pl.struct(c=column, l=label, a=after, b=before).map_elements(
        lambda row: f"{row['c']}={row['l']}: {row['a']:,} of {row['b']:,} kept", return_dtype=pl.String
    )
