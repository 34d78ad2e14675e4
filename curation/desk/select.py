"""Which records a person should see: a literal table of ways to choose, each of which says why."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from itertools import islice, zip_longest
from typing import NamedTuple

import polars as pl

from curation.desk.settings import LabellingConfig, Select
from data.errors import ConfigError, UserError, closest
from data.records import digest, drawn
from data.store import Store
from data.versions import Version

# Of the rows of select=pii, the share in which the detector found nothing: its misses are to be seen too.
WITHOUT_FINDINGS = 0.25


class Chosen(NamedTuple):
    """A record to show, why, and the score from 0 to 1 behind it (a similarity), where there is one.

    partner   the record that it is similar to
    removed   dedup left it out; people may bring it back
    """

    record_id: str
    why: str
    stage: str = ""
    score: float | None = None
    partner: str = ""
    removed: bool = False


def choose(store: Store, version: str, config: LabellingConfig) -> list[Chosen]:
    """At most `config.rows` records of `version`, those that need a person most first. Raises UserError for none."""
    check_columns(
        store,
        version,
        stratify_by=config.stratify_by if config.selection is Select.strata else [],
        confidence=[config.confidence] if config.selection is Select.uncertain and config.confidence else [],
        show=config.show,
    )
    found = list(islice(_WAYS[config.selection](store, version, config), config.rows))
    if not found:
        raise UserError(
            f"select={config.selection} finds no record in {version}",
            "choose another way: select=sample rows=200",
        )
    return found


def check_columns(store: Store, version: str, **named: list[str]) -> None:
    """Raise ConfigError where no record of `version` has a column; `named` is key -> the columns that it names."""
    records = store.read(version, readable=True)
    for key, columns in named.items():
        for column in columns:
            if len(records) and records.frame(column).select(pl.col(column).is_null().all()).collect().item():
                from curation.split.groups import column_names

                raise ConfigError(
                    f"{key}: no record of {version} has a column '{column}'",
                    closest(column, column_names(records)),
                )


def shown_version(store: Store, version: str, config: LabellingConfig) -> str:
    """The version whose texts are shown: for select=pii the one that the pii stage read, else `version` itself."""
    if config.selection is not Select.pii:
        return version
    step = last_step(store, version, "pii")
    return step.parent if step is not None and step.parent is not None else version


def last_step(store: Store, version: str, stage: str) -> Version | None:
    """The youngest version in the lineage that `stage` made."""
    return next((v for v in reversed(store.lineage(version)) if v.stage == stage), None)


def needed_for_bound(bound: float, level: float = 0.95) -> int:
    """Records in which nothing must be found for their share to be below `bound`: 1 - (1 - level)^(1/n) <= bound."""
    return math.ceil(math.log(1 - level) / math.log(1 - bound))


def _border(store: Store, version: str, config: LabellingConfig) -> Iterator[Chosen]:
    """In turn: near-duplicates that were kept and such that were removed, nearest the threshold first; notes."""
    dedup, quality = last_step(store, version, "dedup"), last_step(store, version, "quality")
    noted = (
        store.query(
            """SELECT d.record_id, string_agg(DISTINCT d.reason, ', ' ORDER BY d.reason) AS reasons
            FROM verdicts d JOIN members m USING (record_id)
            WHERE d.version = ? AND d.action = 'tag' AND m.version = ?
            GROUP BY d.record_id ORDER BY count(DISTINCT d.reason) DESC, d.record_id""",
            [quality.version, version],
        )
        if quality
        else pl.DataFrame()
    )
    notes = (Chosen(r, reasons, "quality") for r, reasons in noted.iter_rows())
    kept, removed = (_near(store, version, dedup, removed=one) if dedup else [] for one in (False, True))
    turns = zip_longest(kept, removed, notes)
    yield from _distinct(one for turn in turns for one in turn if one is not None)


def _near(store: Store, version: str, dedup: Version, *, removed: bool) -> list[Chosen]:
    """Pairs of the dedup step, one of which was removed, or both of which were kept; nearest the threshold first.

    Pairs of equal words (a score of 1) are in no doubt.
    """
    found = store.query(
        f"""SELECT d.record_id, d.score, d.partner FROM verdicts d JOIN members p ON p.record_id = d.partner
        WHERE d.version = $1 AND d.action = $4 AND d.score < 1 AND p.version = $2 AND {"NOT" if removed else ""} EXISTS
            (SELECT 1 FROM members m WHERE m.version = $2 AND m.record_id = d.record_id)
        ORDER BY abs(d.score - $3), d.record_id""",
        [dedup.version, version, float(dedup.config.get("threshold", 1)), "drop" if removed else "tag"],
    )
    words = "removed, similarity {:.3f} to {}" if removed else "kept, similarity {:.3f} to {}"
    return [
        Chosen(record_id, words.format(score, partner), "dedup", score, partner, removed)
        for record_id, score, partner in found.iter_rows()
    ]


def _distinct(chosen: Iterator[Chosen]) -> Iterator[Chosen]:
    seen: set[str] = set()
    for one in chosen:
        if one.record_id not in seen:
            seen.add(one.record_id)
            yield one


def _ids(store: Store, version: str) -> pl.DataFrame:
    return store.query("SELECT record_id FROM members WHERE version = ? ORDER BY record_id", [version])


def _pii(store: Store, version: str, config: LabellingConfig) -> Iterator[Chosen]:
    """Drawn by chance: three with findings for each one without; what the stage counted is why."""
    everything = _ids(store, shown_version(store, version, config))
    step = last_step(store, version, "pii")
    said = store.query(
        """SELECT record_id, any_value(detail) AS detail FROM verdicts WHERE version = ? AND detail IS NOT NULL
        AND action IN ('edit', 'tag', 'drop') GROUP BY record_id""",
        [step.version if step else ""],
    )
    both = everything.join(said, on="record_id", how="left")
    without_rows = math.ceil(config.rows * WITHOUT_FINDINGS) if said.height else config.rows
    some = drawn(both.filter(pl.col("detail").is_not_null()), config.rows - without_rows, config.seed)
    none = drawn(both.filter(pl.col("detail").is_null()), config.rows - some.height, config.seed)
    found = [] if config.rows == without_rows else [Chosen(r, d, "pii") for r, d in some.iter_rows()]
    yield from found
    yield from (Chosen(record_id, "nothing found", "pii") for record_id, _ in none.iter_rows())


def _sample(store: Store, version: str, config: LabellingConfig) -> Iterator[Chosen]:
    for (record_id,) in drawn(_ids(store, version), config.rows, config.seed).iter_rows():
        yield Chosen(record_id, "drawn by chance")


def _strata(store: Store, version: str, config: LabellingConfig) -> Iterator[Chosen]:
    """The groups take turns, each in an order drawn by chance: small groups are seen as often as large ones."""
    if not config.stratify_by:
        raise UserError("select=strata needs columns", "name them: stratify_by=[audience]")
    frame = store.read(version).frame("record_id", *config.stratify_by).collect()
    rows = sorted(frame.iter_rows(), key=lambda row: digest(f"{config.seed} {row[0]}"))
    groups: dict[str, list[str]] = {}
    for record_id, *values in rows:
        name = ", ".join(
            f"{c}={'none' if v is None else v}" for c, v in zip(config.stratify_by, values, strict=True)
        )
        groups.setdefault(name, []).append(record_id)
    named = [[Chosen(record_id, name) for record_id in groups[name]] for name in sorted(groups)]
    yield from (one for turn in zip_longest(*named) for one in turn if one is not None)


def _uncertain(store: Store, version: str, config: LabellingConfig) -> Iterator[Chosen]:
    if not config.confidence:
        raise UserError("select=uncertain needs a column with a number", "name it: confidence=score")
    column = pl.col(config.confidence).cast(pl.Float64, strict=False)
    frame = store.read(version).frame("record_id", config.confidence).with_columns(number=column).collect()
    for record_id, number in (
        frame.drop_nulls("number").sort("number", "record_id").select("record_id", "number").iter_rows()
    ):
        score = number if 0 <= number <= 1 else None
        yield Chosen(record_id, f"{config.confidence} {number:.3g}", "label", score)


_WAYS: dict[Select, Callable[[Store, str, LabellingConfig], Iterator[Chosen]]] = {
    Select.border: _border,
    Select.pii: _pii,
    Select.sample: _sample,
    Select.strata: _strata,
    Select.uncertain: _uncertain,
}
