"""Whole groups into places (splits or folds), so that each stratum's shares come near to given fractions.

A stratum is one value of a column. What was placed stays; what comes with a later ingest fills what is lacking, so
that the places of older records depend on no newer one.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping

import polars as pl

Stratum = str | None


def position(record_id: str, seed: int) -> float:
    """A hash of a record's id, uniform in [0, 1), the same on every machine."""
    raw = hashlib.blake2b(f"{seed}:{record_id}".encode(), digest_size=8).digest()
    return int.from_bytes(raw, "big") / 2**64


def place(
    growth: Iterable[pl.DataFrame],
    known: pl.DataFrame,
    fractions: Mapping[str, float],
    *,
    seed: int,
    rare: str | None = None,
) -> pl.DataFrame:
    """A place for each record: record_id, place, found.

    growth      for each ingest, the oldest first, all records until then: record_id, ingest_number, stratum, group
    known       record_id, value: the places given before; they stay
    fractions   place -> its fraction of each stratum's records, each above 0, with sum 1
    rare        where groups go whose stratum (that of their oldest record) has fewer groups than there are places
    place       null where the group has records in several places already: `found` names these
    """
    placed = known.select("record_id", place="value")
    rows = pl.DataFrame(schema={"record_id": pl.String, "place": pl.String, "found": pl.List(pl.String)})
    for frame in growth:
        rows = _followed(frame.join(placed, on="record_id", how="left"), len(fractions), rare)
        waiting = rows.filter(pl.col("found").list.len() == 0, pl.col("place").is_null())
        counts = rows.filter(pl.col("place").is_not_null()).group_by("stratum", "place").len()
        chosen = fill(
            _in_order(waiting, seed),
            {(stratum, name): count for stratum, name, count in counts.iter_rows()},
            fractions,
        )
        new = pl.DataFrame(
            {"group": list(chosen), "new": list(chosen.values())},
            schema={"group": pl.Int64, "new": pl.String},
        )
        rows = rows.join(new, on="group", how="left").with_columns(place=pl.coalesce("place", "new"))
        settled = rows.select("record_id", "place").filter(pl.col("place").is_not_null())
        placed = pl.concat([settled, placed]).unique("record_id", keep="first")
    return rows.select("record_id", "place", "found")


def fill(
    groups: Iterable[tuple[int, Mapping[Stratum, int]]],
    counts: Mapping[tuple[Stratum, str], int],
    fractions: Mapping[str, float],
) -> dict[int, str]:
    """The place of each group, one after the other in the order given.

    `groups` are numbers with the records of each stratum; `counts` the records of each stratum and place so far.

    A place lacks f * (n + m) - c records of a stratum that has n records, of which c there, before m more come. A
    group only goes where its own strata lack something, so that no place gets more than one group too much of a
    stratum. Of these places it goes where most is lacking, of its strata and of all records together: without the
    latter, a thousand strata of three records each would leave a test split of a tenth empty.
    """
    here = Counter(counts)
    of_stratum: Counter[Stratum] = Counter()
    of_place: Counter[str] = Counter()
    for (stratum, name), count in counts.items():
        of_stratum[stratum] += count
        of_place[name] += count
    total = sum(of_stratum.values())
    chosen: dict[int, str] = {}
    for group, sizes in groups:
        size = sum(sizes.values())
        total += size
        of_stratum.update(sizes)
        lacking: dict[str, float] = {}
        for name, fraction in fractions.items():
            own = sum(m * (fraction * of_stratum[s] - here[s, name]) for s, m in sizes.items()) / size
            if own > 0:
                lacking[name] = own + fraction * total - of_place[name]
        best = max(lacking, key=lambda name: lacking[name])
        chosen[group] = best
        of_place[best] += size
        here.update({(stratum, best): m for stratum, m in sizes.items()})
    return chosen


def _followed(rows: pl.DataFrame, places: int, rare: str | None) -> pl.DataFrame:
    """`rows` with `found`, the places in their group, and `place` where that says all, or where the stratum is rare."""
    by_group = rows.group_by("group").agg(
        found=pl.col("place").drop_nulls().unique().sort(),
        oldest=pl.col("record_id").sort_by("ingest_number", "record_id").first(),
        stratum_of_group=pl.col("stratum").sort_by("ingest_number", "record_id").first(),
    )
    by_group = by_group.with_columns(few=pl.len().over("stratum_of_group") < places)
    found = pl.col("found").list.len()
    return rows.join(by_group, on="group").with_columns(
        place=pl.coalesce(
            "place",
            pl.when(found == 1).then(pl.col("found").list.first()),
            pl.when((found == 0) & pl.col("few")).then(pl.lit(rare, dtype=pl.String)),
        )
    )


def _in_order(waiting: pl.DataFrame, seed: int) -> list[tuple[int, dict[Stratum, int]]]:
    """Each group with its records by stratum, by the hash of its oldest record."""
    sizes: dict[int, dict[Stratum, int]] = {}
    oldest: dict[int, str] = {}
    for group, first, stratum, count in waiting.group_by("group", "oldest", "stratum").len().iter_rows():
        sizes.setdefault(group, {})[stratum] = count
        oldest[group] = first
    # Strata in a fixed order too: sums of floating-point numbers depend on it.
    return [
        (group, dict(sorted(sizes[group].items(), key=lambda item: item[0] or "")))
        for group in sorted(sizes, key=lambda group: (position(oldest[group], seed), oldest[group]))
    ]
