"""Checks of the records before they are tokens: tasks, labels, contradictions, personal data, leaked items.

They are asked of the store while it is open, and need no model.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl

from curation.decontaminate import judge_batch, suite
from curation.decontaminate.config import DecontaminateConfig
from data.commands import spelt
from data.errors import ConfigError, SourceError
from data.facts import Outcome
from data.reading import derived
from data.store import Store
from data.versions import Version
from train.findings import Finding, judged

FEW = 500  # training rows of a task below which the field advises against fine-tuning
UNEVEN = 10.0  # the most frequent label may be so many times as frequent as the rarest

# What two rows have in common that differ in case, spaces and punctuation only.
_FOLDED = "regexp_replace(lower({}), '[^\\p{{L}}\\p{{N}}]+', ' ', 'g')"


def check_data(
    store: Store, version: str, lineage: Sequence[Version], against: Sequence[str]
) -> list[Finding]:
    """All checks of this module, of the rows of `version` that are in its train split."""
    return [
        examples(store, version),
        balance(store, version),
        contradictions(store, version),
        leakage(store, version, lineage, against),
        personal_data(store, lineage),
    ]


def examples(store: Store, version: str) -> Finding:
    """Training rows of the smallest task against FEW; the version is one task where no record names its own."""
    counts = store.query(
        """SELECT r.metadata ->> '/task' AS task, count(*) AS rows FROM members m JOIN records r USING (record_id)
        WHERE m.version = ? AND m.split = 'train' GROUP BY ALL ORDER BY rows, task""",
        [version],
    ).rows()
    few = [(task, rows) for task, rows in counts if rows < FEW]
    total = sum(rows for _, rows in counts)
    if len(counts) < 2:
        words = (
            f"{total:,} training rows{'' if total >= FEW else f'; below {FEW} a model learns them by heart'}."
        )
    else:
        named = ", ".join(f"{task or 'unnamed'} ({rows:,})" for task, rows in few[:3])
        words = f"{len(counts)} tasks; " + (
            f"fewer than {FEW}: {named}." if few else f"each has {FEW} or more rows."
        )
    return Finding(
        "examples", Outcome.WARN if few else Outcome.PASS, words, float(counts[0][1] if counts else 0), "rows",
        n=total, limit=f"{FEW} rows a task",
    )  # fmt: skip


def balance(store: Store, version: str) -> Finding:
    """How many times as frequent as the rarest label the most frequent one is."""
    counts = store.query(
        """SELECT r.label, count(*) AS rows FROM members m JOIN records r USING (record_id)
        WHERE m.version = ? AND m.split = 'train' AND r.label IS NOT NULL GROUP BY ALL ORDER BY rows DESC, label""",
        [version],
    ).rows()
    total = sum(rows for _, rows in counts)
    # As many labels as rows: they are answers, not classes.
    if len(counts) < 2 or len(counts) > total / 2:
        return Finding("balance", Outcome.NOT_RUN, "The rows carry no classes.", n=total)
    ratio = counts[0][1] / counts[-1][1]
    words = (
        f"{len(counts)} labels; the most frequent has {counts[0][1]:,} rows, the rarest {counts[-1][1]:,}."
    )
    return Finding(
        "balance", judged(ratio, warn=UNEVEN, stop=None), words, ratio, "times", n=total, limit=f"{UNEVEN:g} times",
        fix="fewer of the frequent: python -m curation balance=cap balance.column=label balance.max_rows=N",
    )  # fmt: skip


def contradictions(store: Store, version: str) -> Finding:
    """Training rows whose prompt stands there with another answer too."""
    prompt, answer = (_FOLDED.format(derived(name)) for name in ("prompt", "answer"))
    rows, n = store.query(
        f"""WITH said AS (
            SELECT hash({prompt}) AS prompt, hash({answer}, coalesce(r.label, '')) AS answer
            FROM members m JOIN records r USING (record_id) JOIN texts t USING (text_hash)
            WHERE m.version = ? AND m.split = 'train' AND r.kind != 'text')
        SELECT coalesce(sum(rows) FILTER (answers > 1), 0)::BIGINT AS rows, coalesce(sum(rows), 0)::BIGINT AS n
        FROM (SELECT prompt, count(*) AS rows, count(DISTINCT answer) AS answers FROM said GROUP BY prompt)""",
        [version],
    ).rows()[0]
    share = rows / n if n else 0.0
    words = f"{rows:,} of {n:,} rows have a prompt that another row answers otherwise."
    return Finding(
        "contradictions", judged(share, warn=0.01, stop=None), words, share, n=n, limit="1 % of the rows",
        fix="meant where one prompt has several good answers; else look: python -m curation border=dedup",
    )  # fmt: skip


def personal_data(store: Store, lineage: Sequence[Version]) -> Finding:
    """What the audit found in the version that is trained on, or in one that it was made of after scrubbing."""
    scrubbed = next((number for number, v in enumerate(lineage) if v.stage == "pii"), len(lineage) - 1)
    for version in reversed(lineage[scrubbed:]):
        found = store.facts(version.version, "PII-001").filter(pl.col("slice") == "all").to_dicts()
        if found and found[0]["value"] is not None:
            fact = found[0]
            outcome = Outcome.FAIL if fact["outcome"] == Outcome.FAIL else Outcome(fact["outcome"])
            # Too few rows to be sure is something to know of, and nothing to stop for.
            shown = outcome if outcome in (Outcome.PASS, Outcome.ACCEPTED, Outcome.FAIL) else Outcome.WARN
            words = f"The audit found some in {fact['value']:.2%} of {fact['n']:,} rows of {version.version}."
            return Finding(
                "personal_data", shown, words, fact["value"], n=fact["n"], limit=fact["threshold"],
                fix="mask more: python -m curation pii.threshold=0.3; then python -m audit",
            )  # fmt: skip
    audit = spelt("python -m audit", str(store.path))
    return Finding(
        "personal_data", Outcome.NOT_RUN, f"No audit of this version says what is left: {audit}.", fix=audit,
    )  # fmt: skip


def leakage(store: Store, version: str, lineage: Sequence[Version], against: Sequence[str]) -> Finding:
    """Test rows whose prompt is in the training rows, and training rows that hold items of evaluation suites."""
    fix = "take them out and split again: python -m curation decontaminate.suite=NAME (or .against=[FILE])"
    leaked, tests = _test_prompts(store, version)
    share = leaked / tests if tests else 0.0
    words = (
        [f"{leaked:,} of {tests:,} test rows have a prompt that is trained on."]
        if tests
        else ["No test rows."]
    )
    outcome = judged(share, warn=0.0, stop=0.01)
    configs = _compared_with(lineage, against)
    rows = held = 0
    for batch in store.read(version).batches("record_id", "split", "messages") if configs else ():
        training = batch.filter(pl.col("split") == "train").drop("split")
        rows += training.height
        found = [judge_batch(training, config)["record_id"] for config in configs.values()]
        held += pl.concat(found).n_unique() if found else 0
    names = ", ".join(configs)
    if configs:
        words.append(f"{held:,} of {rows:,} training rows hold an item of {names}.")
        outcome = Outcome.FAIL if held else outcome
    return Finding(
        "leakage", outcome, " ".join(words), max(share, held / rows if rows else 0.0), n=tests + rows,
        limit="1 % of the test rows, or any item of a suite", fix=fix,
    )  # fmt: skip


def _test_prompts(store: Store, version: str) -> tuple[int, int]:
    """(test rows whose folded prompt a training row has, test rows)."""
    prompt = _FOLDED.format(derived("prompt"))
    row = store.query(
        f"""WITH asked AS (
            SELECT m.split, hash({prompt}, CASE WHEN r.kind = 'text' THEN t.text_hash ELSE '' END) AS prompt
            FROM members m JOIN records r USING (record_id) JOIN texts t USING (text_hash)
            WHERE m.version = ? AND m.split IN ('train', 'test'))
        SELECT count(*) FILTER (prompt IN (SELECT prompt FROM asked WHERE split = 'train')) AS leaked, count(*) AS n
        FROM asked WHERE split = 'test'""",
        [version],
    ).rows()[0]
    return int(row[0]), int(row[1])


def check_against(names: Sequence[str]) -> None:
    """Raise ConfigError for a name that is neither an evaluation suite nor a file."""
    for name in names:
        if name not in suite.names() and not Path(name).expanduser().exists():
            raise ConfigError(
                f"against={name}: no such evaluation suite or file", f"suites: {', '.join(suite.names())}"
            )


def _compared_with(lineage: Sequence[Version], against: Sequence[str]) -> dict[str, DecontaminateConfig]:
    """Name -> what to look for: `against`, else what the version was decontaminated against, and suites with files."""
    check_against(against)
    wanted: dict[str, dict[str, Any]] = {
        name: {"suite": name} if name in suite.names() else {"against": [name]} for name in against
    }
    if not against:
        for version in lineage:
            if version.stage == "decontaminate":
                files = [name for name in version.config.get("against") or [] if Path(name).exists()]
                wanted |= {Path(name).name: {"against": [name]} for name in files}
        wanted |= {name: {"suite": name} for name in suite.names() if _has_items(name)}
    return {name: DecontaminateConfig(**settings) for name, settings in wanted.items()}


def _has_items(name: str) -> bool:
    try:
        return bool(suite.sources(name))
    except (ConfigError, SourceError):
        return False
