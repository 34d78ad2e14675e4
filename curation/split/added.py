"""Groups where records were added: only ties with a new record are looked for, and only the groups that they touch."""

from __future__ import annotations

import numpy as np
import polars as pl

from curation.grown import Grown
from curation.split.config import SplitConfig
from curation.split.groups import components, equal
from curation.split.nearby import nearby


def added(grown: Grown, config: SplitConfig) -> tuple[pl.DataFrame, pl.Series] | None:
    """What `groups` says of all records, for the new ones and the old ones in a group with one of them.

    Also the ids of these old ones. None where not all texts have a sketch.
    """
    near = nearby(grown.old, grown.new, config, prompts=True)
    if near is None:
        return None
    grown.left["pairs"] = near.pairs
    ids = near.ids
    prompts = (pl.Series("prompt", part.prompts).replace(0, None) for part in (near.old, near.new))
    same = _equal_to_new(*prompts)
    edges = [near.pairs, pl.DataFrame({"a": ids.gather(same[:, 0]), "b": ids.gather(same[:, 1])})]
    edges += [_with_equal(grown, column) for column in config.group_by]
    ties = pl.concat(edges)
    touched = pl.concat([ties["a"], ties["b"]]).unique()
    touched = touched.filter(~touched.is_in(near.new.ids.implode()))
    members = _groups_of(touched, grown)
    ties = pl.concat([members.select(a="record_id", b="head"), ties])
    again = members["record_id"]
    parts = [grown.old.among(again)] if len(again) else []
    frame = pl.concat([part.frame("record_id", "ingest_number").collect() for part in (*parts, grown.new)])
    row = frame.select("record_id").with_row_index("row")
    numbered = ties.join(row.rename({"record_id": "a", "row": "left"}), on="a").join(
        row.rename({"record_id": "b", "row": "right"}), on="b"
    )
    group = components(numbered.select("left", "right").to_numpy().astype(np.int64), frame.height)
    return frame.with_columns(group=group), again


def _groups_of(touched: pl.Series, grown: Grown) -> pl.DataFrame:
    """The old records in a group with one of `touched`, with `head`, the oldest of their group."""

    def headed(on: pl.Series, heads: pl.Series) -> pl.DataFrame:
        said = grown.said(on=on.to_list(), partners=heads.to_list())
        return said.filter(pl.col("reason").is_in(["split_assigned", "split_bridge"])).select(
            "record_id", head=pl.coalesce("partner", "record_id")
        )

    heads = headed(touched, touched.clear())["head"].unique()
    return headed(heads, heads)


def _with_equal(grown: Grown, column: str) -> pl.DataFrame:
    """a and b: ids of records with equal values of `column`, a new one among those of each value."""
    old, new = (part.frame("record_id", column).collect() for part in (grown.old, grown.new))
    old = old.filter(pl.col(column).is_in(new[column].drop_nulls().unique().implode()).fill_null(False))
    both = pl.concat([old, new])
    pairs, ids = equal(both[column]), both["record_id"]
    return pl.DataFrame({"a": ids.gather(pairs[:, 0]), "b": ids.gather(pairs[:, 1])})


def _equal_to_new(old: pl.Series, new: pl.Series) -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
    """Each row of old and new together, with the first one of equal value, where a new one has it; rows x 2."""
    same = (
        old.is_in(new.drop_nulls().unique().implode()).fill_null(False).arg_true().to_numpy().astype(np.int64)
    )
    rows = np.concatenate([same, len(old) + np.arange(len(new))])
    return rows[equal(pl.concat([old.gather(same), new]))]
