"""Where the rows are from, and under which licence."""

from __future__ import annotations

from audit.context import EXACT, Context
from data.facts import Fact, Outcome
from data.report.wording import percent

# Words that fill a licence column without naming a licence.
NOT_A_LICENCE = ("", "unknown", "other", "none", "n/a", "na", "null", "-", "?", "tbd", "noassertion")


def licence_known(context: Context) -> list[Fact]:
    """SRC-001: the share of rows that state a licence, overall and by source."""
    words = ", ".join(f"'{word}'" for word in NOT_A_LICENCE)
    known = f"coalesce(lower(trim(r.licence)) NOT IN ({words}), false)"
    sql = (
        f"SELECT count(*) FILTER ({known})::DOUBLE / count(*) AS value "
        f"FROM members m JOIN records r USING (record_id) WHERE m.version = {context.id_sql}"
    )
    rows = context.store.query(
        f"""SELECT r.source, CASE WHEN {known} THEN r.licence END AS licence, count(*) AS rows
        FROM members m JOIN records r USING (record_id) WHERE m.version = {context.id_sql}
        GROUP BY ALL ORDER BY rows DESC, source, licence LIMIT 200"""
    ).to_dicts()
    value = context.number(sql)
    least = context.policy.min_licensed
    bare = [row["source"] for row in rows if row["licence"] is None]
    listing = ", ".join(f"'{name}'" for name in bare[:3]) + (" and others" if len(bare) > 3 else "")
    says = (
        "Every row states a licence."
        if not bare
        else f"{percent(1 - value)} of the rows state no licence; they are from {listing}."
    )
    return [
        context.fact(
            "SRC-001",
            value,
            "fraction",
            n=context.version.rows,
            method=EXACT,
            outcome=(Outcome.PASS if value >= least else Outcome.FAIL).value,
            threshold=f"at least {percent(least)} of the rows",
            evidence=sql,
            detail={"says": says, "rows": rows},
        )
    ]
