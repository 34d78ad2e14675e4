"""Group columns: which columns of a version divide its rows into groups, and with which values."""

from __future__ import annotations

import polars as pl

from audit.config import AuditConfig
from data.errors import ConfigError, closest
from data.store import Store
from data.versions import Version

# A column that says something of fewer rows than this is a remark, not a group.
LEAST_COVERED = 0.5
RECORD_COLUMNS = ("kind", "label", "source", "licence", "language", "file")
# Keys that divide the rows, but not by whom they are about or for.
NEVER_GROUPS = ("id", "line", "row", "index", "text", "prompt", "answer", "title", "subject", "split")

NO_GROUPS = (
    "No column divides the rows into groups: name some with groups=[...], or source.groups=[...] in curation."
)


def quoted(text: str) -> str:
    """`text` as an SQL string literal."""
    return "'" + text.replace("'", "''") + "'"


def group_sql(column: str) -> str:
    """The SQL expression of a group column: a column of `records r`, or a key of its metadata; '' becomes NULL."""
    if column in RECORD_COLUMNS:
        return f"nullif(r.{column}, '')"
    pointer = "/" + column.replace("~", "~0").replace(
        "/", "~1"
    )  # a JSON pointer; in a JSON path no `"` may stand
    return f"nullif(r.metadata ->> {quoted(pointer)}, '')"


def group_columns(store: Store, version: Version, lineage: list[Version], config: AuditConfig) -> list[str]:
    """The configured columns, or the ingest's, or those found; always those with a reference population.

    Raises ConfigError for a configured column that no row has.
    """
    known = _columns(store, version)
    for key, columns in {"groups": config.groups, "reference": list(config.reference)}.items():
        for column in columns:
            if column not in {*known["name"], *RECORD_COLUMNS}:
                raise ConfigError(
                    f"{key}: no row of {version.version} has a column '{column}'",
                    closest(column, [*known["name"], *RECORD_COLUMNS]),
                )
    stated = config.groups or list(lineage[0].config.get("groups") or [])
    found = (
        stated
        or known.filter(
            pl.col("values").is_between(2, config.policy.max_groups)
            & (pl.col("rows") >= LEAST_COVERED * version.rows)
            & ~pl.col("name").is_in([*NEVER_GROUPS, config.label, config.task])
            & (pl.col("values") * 2 <= pl.col("rows"))
        )["name"].to_list()
    )
    return list(dict.fromkeys([*found, *config.reference]))


def group_rows(store: Store, version: Version, column: str, most: int) -> pl.DataFrame:
    """value, rows: the `most` most frequent values of `column` in `version`, the most frequent first."""
    return store.query(
        f"""SELECT {group_sql(column)} AS value, count(*) AS rows FROM members m JOIN records r USING (record_id)
        WHERE m.version = ? AND {group_sql(column)} IS NOT NULL GROUP BY ALL ORDER BY rows DESC, value LIMIT ?""",
        [version.version, most],
    )


def _columns(store: Store, version: Version) -> pl.DataFrame:
    """name, rows with a value, distinct values: of every metadata key and of the language."""
    return store.query(
        """
        WITH r AS (SELECT r.* FROM members m JOIN records r USING (record_id) WHERE m.version = ?),
        keys AS (SELECT unnest(json_keys(metadata)) AS name, metadata FROM r)
        SELECT name, count(v) AS rows, count(DISTINCT v) AS values
        FROM (SELECT name, metadata ->> ('/' || replace(replace(name, '~', '~0'), '/', '~1')) AS v FROM keys
              UNION ALL SELECT 'language', language FROM r)
        WHERE v IS NOT NULL AND v <> '' GROUP BY name ORDER BY name
        """,
        [version.version],
    )
