"""Whether every row is accounted for, from the raw file to the version."""

from __future__ import annotations

from typing import Any

from audit.context import EXACT, Context
from data.facts import Fact, Outcome
from data.report.wording import counted, number


def rows_balance(context: Context) -> list[Fact]:
    """LIN-001: at each stage rows in = rows out + rows removed with a reason; value = rows that are not explained.

    Counted from the memberships and verdicts themselves, not from the counts that the store keeps of them.
    """
    ingest = "(SELECT version FROM up WHERE parent IS NULL)"
    sql = f"""WITH RECURSIVE {context.lineage_sql},
gone AS (SELECT u.version, p.record_id FROM up u JOIN members p ON p.version = u.parent
    WHERE NOT EXISTS (SELECT 1 FROM members m WHERE m.version = u.version AND m.record_id = p.record_id)),
dropped AS (SELECT d.version, d.record_id FROM up u JOIN verdicts d USING (version) WHERE d.action = 'drop'),
new AS (SELECT m.version, m.record_id FROM up u JOIN members m USING (version) WHERE u.parent IS NOT NULL
    AND NOT EXISTS (SELECT 1 FROM members p WHERE p.version = u.parent AND p.record_id = m.record_id)),
unread AS (SELECT abs((SELECT coalesce(sum(rows), 0) FROM files WHERE version = {ingest})
    - (SELECT count(*) FROM members WHERE version = {ingest})) AS rows)
SELECT (SELECT count(*) FROM (FROM gone EXCEPT FROM dropped)) + (SELECT count(*) FROM (FROM dropped EXCEPT FROM gone))
    + (SELECT count(*) FROM new) + (SELECT rows FROM unread) AS value"""
    value = context.number(sql)
    stages = _stages(context)
    raw, last = stages[0]["rows_in"], context.version.rows
    says = (
        f"Each of {counted(raw, 'raw row')} is accounted for: {number(last)} in the version, {number(raw - last)} "
        "removed with a stated reason."
        if value == 0
        else f"Came or went without a stated reason: {counted(int(value), 'row')}."
    )
    return [
        context.fact(
            "LIN-001",
            value,
            "rows",
            n=raw,
            method=EXACT,
            outcome=(Outcome.PASS if value == 0 else Outcome.FAIL).value,
            threshold="no row unexplained",
            evidence=sql,
            detail={"says": says, "stages": stages},
        )
    ]


def _stages(context: Context) -> list[dict[str, Any]]:
    """For the raw file and each stage: rows in, removed, edited, and the reasons with their counts."""
    first = context.lineage[0]
    rejects = context.store.query(
        "SELECT reason, count(*) AS rows FROM rejects WHERE version = ? GROUP BY reason ORDER BY rows DESC, reason",
        [first.version],
    )
    rejected = int(rejects["rows"].sum())
    stages = [
        {
            "stage": "ingest",
            "version": first.version,
            "rows_in": first.rows + rejected,
            "removed": rejected,
            "edited": 0,
            "reasons": dict(rejects.iter_rows()),
        }
    ]
    for parent, version in zip(context.lineage[:-1], context.lineage[1:], strict=True):
        reasons = context.store.query(
            """SELECT reason, count(DISTINCT record_id) AS rows FROM verdicts WHERE version = ? AND action <> 'assign'
            GROUP BY reason ORDER BY rows DESC, reason""",
            [version.version],
        )
        stages.append(
            {
                "stage": version.stage,
                "version": version.version,
                "rows_in": parent.rows,
                "removed": version.dropped,
                "edited": version.edited,
                "reasons": dict(reasons.iter_rows()),
            }
        )
    return stages


def rows_traceable(context: Context) -> list[Fact]:
    """LIN-002: every training row leads to its raw line; value = rows that do not.

    Traceable: file and line are known, the file is one that was read, and the text is the raw one or that of a
    recorded edit.
    """
    of_rows = (
        "FROM members m LEFT JOIN records r USING (record_id) "
        f"WHERE m.version = {context.id_sql} AND {context.training_sql}"
    )
    sql = f"""WITH RECURSIVE {context.lineage_sql}
SELECT count(*) AS value {of_rows}
AND (r.file IS NULL OR r.line IS NULL OR NOT EXISTS (SELECT 1 FROM files f WHERE f.file = r.file)
    OR (m.text_hash <> r.raw_text_hash AND NOT EXISTS (SELECT 1 FROM verdicts d JOIN up USING (version)
        WHERE d.record_id = m.record_id AND d.action = 'edit' AND d.text_hash = m.text_hash)))"""
    value, n = context.number(sql), int(context.number(f"SELECT count(*) AS value {of_rows}"))
    files = context.store.query(
        "SELECT file, sha256, bytes, rows, rejected FROM files WHERE version = ? ORDER BY file",
        [context.lineage[0].version],
    )
    says = (
        f"Each of the {number(n)} {context.training_words} leads back to a line of a raw file."
        if value == 0
        else f"{number(int(value))} of {number(n)} {context.training_words} cannot be traced to a raw line."
    )
    outcome = Outcome.NOT_RUN if n == 0 else Outcome.PASS if value == 0 else Outcome.FAIL
    return [
        context.fact(
            "LIN-002",
            value,
            "rows",
            n=n,
            method=EXACT,
            outcome=outcome.value,
            threshold="no row untraceable",
            evidence=sql,
            detail={"says": says, "files": files.to_dicts()},
        )
    ]
