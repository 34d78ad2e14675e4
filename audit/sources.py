"""Where the rows are from, and under which licence."""

from __future__ import annotations

from typing import Any

from audit.context import EXACT, Context
from data.facts import Fact, Outcome
from data.report.wording import percent


def licence_known(context: Context) -> list[Fact]:
    """SRC-001: the share of rows that state a licence, overall and by source; each read as an SPDX expression.

    Where the licence stage ran, `policy` says what it allowed and what it found.
    """
    from curation.licence.names import NO_LICENCE
    from curation.licence.rules import read

    words = ", ".join(f"'{word}'" for word in sorted(NO_LICENCE))
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
    for row in rows:
        expression = read(row["licence"]) if row["licence"] else None
        row["spdx"] = None if expression is None else str(expression)
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
            detail={"says": says, "rows": rows, "policy": _policy(context)},
        )
    ]


def _policy(context: Context) -> dict[str, Any] | None:
    """What the licence stage was told, and how many records it left out or noted, by reason; None: it did not run."""
    stage = context.stage("licence")
    if stage is None:
        return None
    said = context.store.reason_counts(stage.version).sort("action", "reason")
    keys = ("policy", "allow", "deny")
    return {
        "version": stage.version,
        **{key: stage.config.get(key) for key in keys},
        "found": [{"action": action, "reason": reason, "rows": n} for action, reason, n in said.iter_rows()],
    }
