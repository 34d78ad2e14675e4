"""Repetition, and contamination by evaluation sets."""

from __future__ import annotations

from collections import Counter
from dataclasses import fields
from pathlib import Path
from typing import Any

import polars as pl

from audit import statistics
from audit.context import EXACT, Context
from audit.recall import planted_recall
from audit.shares import at_most, demand, upper_if_none
from audit.stored import stage_facts
from data.errors import ConfigError, SourceError
from data.facts import Fact, Outcome
from data.records import drawn
from data.report.wording import counted, number, percent
from data.verdicts import verdicts


def near_duplicates(context: Context) -> list[Fact]:
    """QUA-001: the share of rows that repeat another row, and near-duplicate pairs across splits.

    A row repeats when it is not the first of its cluster of rows with an exact Jaccard similarity of word n-grams at
    or above the threshold. Every pair is found (an exact join, not MinHash); only the interval is estimated.
    """
    from curation.dedup.exact_join import join

    policy, seed = context.policy, context.config.seed
    columns = _compared(context)
    rows = drawn(context.frame("record_id", "split", *columns), policy.near_duplicate_rows, seed).sort(
        "record_id"
    )
    texts = tuple(rows[name] for name in columns)
    compared: Any = texts if len(texts) == 2 else texts[0]
    threshold, words = policy.near_duplicate_threshold, policy.near_duplicate_ngram
    pairs = join(compared, threshold, words, spanning=True)
    sizes = cluster_sizes(rows.height, pairs.left.tolist(), pairs.right.tolist())
    n, repeats = rows.height, rows.height - len(sizes)
    low, high = statistics.cluster_bootstrap(
        [size - 1 for size in sizes], sizes, seed=seed, level=policy.level
    )
    high = upper_if_none(repeats, n, high, policy.level)
    signature = (
        f"jaccard>={threshold}|word {words}-grams|on:{' and '.join(columns)}|seed:{seed}|"
        f"rows:{n}/{context.version.rows}"
    )
    outcome, needed = at_most(repeats, n, (low, high), policy.max_near_duplicates, policy)
    main = context.fact(
        "QUA-001",
        repeats / n if n else None,
        "fraction",
        n=n,
        low=low,
        high=high,
        level=policy.level,
        method="Clopper-Pearson, one-sided"
        if repeats == 0
        else "bootstrap of near-duplicate clusters, 2,000 draws",
        signature=signature,
        outcome=outcome,
        n_needed=needed,
        threshold=demand(policy.max_near_duplicates),
        evidence=context.rerun("QUA-001"),
        detail={
            "says": f"No two of {counted(n, 'row')} are near-duplicates."
            if repeats == 0
            else f"{number(repeats)} of {counted(n, 'row')} ({percent(repeats / n)}) nearly "
            f"{'repeats' if repeats == 1 else 'repeat'} another row.",
            "cluster_sizes": {str(size): count for size, count in sorted(Counter(sizes).items())},
            **planted_recall(context),
        },
    )
    splits = sorted(name for name in context.splits if name)
    if len(splits) < 2:
        across = context.not_run(
            "QUA-001", f"{_only(splits)}, so nothing can leak from one into another.", "pairs"
        )
        across.slice = "across splits"
        return [main, across]
    codes = rows["split"].replace_strict(
        splits, list(range(len(splits))), default=len(splits), return_dtype=pl.Int64
    )
    leaks = join(compared, threshold, words, only_across=codes.to_numpy())
    return [
        main,
        _across_splits(context, rows["split"], leaks.left.tolist(), leaks.right.tolist(), signature),
    ]


def _compared(context: Context) -> tuple[str, ...]:
    """The columns that the dedup stage compared; prompt and answer where it did not run."""
    keys = (context.stage("dedup") or context.version).config.get("keys", "prompt_and_answer")
    return ("prompt", "answer") if keys == "prompt_and_answer" else (str(keys),)


def _across_splits(
    context: Context, split: pl.Series, left: list[int], right: list[int], signature: str
) -> Fact:
    """The number of near-duplicate pairs whose rows lie in different splits; none may."""
    kinds = Counter(
        " and ".join(sorted((str(split[a]), str(split[b])))) for a, b in zip(left, right, strict=True)
    )
    return context.fact(
        "QUA-001",
        float(len(left)),
        "pairs",
        slice="across splits",
        n=len(split),
        method=EXACT,
        signature=signature,
        outcome=(Outcome.FAIL if left else Outcome.PASS).value,
        threshold="no near-duplicate pair across splits",
        evidence=context.rerun("QUA-001"),
        detail={
            "certificate": _certificate(context),
            "says": f"Across splits {'lies' if len(left) == 1 else 'lie'} {counted(len(left), 'near-duplicate pair')}: "
            "test results would flatter the model."
            if left
            else "No near-duplicate pair lies across splits.",
            "pairs": dict(sorted(kinds.items())),
        },
    )


def _certificate(context: Context) -> dict[str, Any] | None:
    """What the split counted when it was made, of all its rows: pairs, rows, its threshold, words and version."""
    stage, found = context.stage("split"), stage_facts(context, "split", "split_certificate")
    if stage is None or not found:
        return None
    fact = found[0]
    return {
        "version": stage.version,
        "pairs": int(fact.value or 0),
        "rows": fact.n,
        "outcome": fact.outcome,
        "threshold": stage.config.get("threshold"),
        "ngram_words": stage.config.get("ngram_words"),
    }


def cluster_sizes(n: int, left: list[int], right: list[int]) -> list[int]:
    """Sizes of the connected components of rows 0..n-1 under the pairs, single rows included."""
    parent = list(range(n))

    def root(node: int) -> int:
        while parent[node] != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    for a, b in zip(left, right, strict=True):
        first, second = sorted((root(a), root(b)))
        parent[second] = first
    return sorted(Counter(root(node) for node in range(n)).values(), reverse=True)


def contamination(context: Context) -> list[Fact]:
    """QUA-002: the share of rows that hold evaluation items, looked for again in the version as it is; all, by task.

    The items are those of the audit's files, or those that the decontaminate stage was given. NOT_RUN without any.
    """
    from curation.decontaminate import hits_per_task, judge
    from curation.decontaminate.config import DecontaminateConfig, Found
    from curation.decontaminate.index import index_of

    stage = context.stage("decontaminate")
    known = {f.name for f in fields(DecontaminateConfig)}
    settings = {key: value for key, value in (stage.config if stage else {}).items() if key in known}
    if context.config.evaluation_files:
        settings |= {"suite": "", "against": list(context.config.evaluation_files)}
    if not (settings.get("suite") or settings.get("against")):
        why = "No evaluation sets were named: evaluation_files=[...] here, or decontaminate.suite=NAME in curation."
        return [context.not_run("QUA-002", why)]
    try:
        config = DecontaminateConfig(**{**settings, "enabled": True})
        found = judge(context.records, config)
    except (ConfigError, SourceError) as error:
        if context.config.evaluation_files:
            raise
        return [
            context.not_run("QUA-002", f"The evaluation sets of the curation cannot be read: {error.problem}")
        ]
    rows, n, most = found["record_id"].n_unique(), context.version.rows, context.policy.max_contaminated
    of_suite = [f"the suite {config.suite}"] if config.suite else []
    names = of_suite + sorted(Path(name).name for name in config.against)
    removed = stage.dropped if stage else None
    said = context.store.verdicts(stage.version) if stage else verdicts()
    tasks = _by_task(index_of(config).items, hits_per_task(found), hits_per_task(said))
    common: dict[str, Any] = {
        "n": n,
        "method": EXACT,
        "signature": f"{config.ngram_words}-gram words|overlap>={config.min_overlap}|files:{','.join(names)}",
        "evidence": context.rerun("QUA-002"),
    }
    return [
        context.fact(
            "QUA-002",
            rows / n if n else None,
            "fraction",
            outcome=(Outcome.PASS if rows <= most * n else Outcome.FAIL).value,
            threshold="no row" if most == 0 else f"at most {percent(most)} of the rows",
            **common,
            detail={
                "says": (
                    f"{number(rows)} of {counted(n, 'row')} {'holds' if rows == 1 else 'hold'}"
                    if rows
                    else f"None of {counted(n, 'row')} holds"
                )
                + f" an item of {', '.join(names)}."
                + (f" The decontaminate stage had removed {number(removed)}." if removed else ""),
                "files": names,
                "rows": rows,
                "removed": removed,
                "kept": config.action is Found.tag,
            },
        ),
        *(
            context.fact(
                "QUA-002",
                task["rows"] / n if n else None,
                "fraction",
                slice=f"task={task['task']}",
                **common,
                detail=task,
            )
            for task in tasks
        ),
    ]


def _by_task(items: pl.DataFrame, left: pl.DataFrame, before: pl.DataFrame) -> list[dict[str, Any]]:
    """Each task with its items, the rows that hold one, and those in which curation found one, by rule."""
    found = [frame.group_by("task").agg(pl.col("records").sum()) for frame in (left, before)]
    joined = items.group_by("task").agg(items=pl.len()).sort("task")
    for name, frame in zip(("rows", "curation"), found, strict=True):
        joined = joined.join(frame.rename({"records": name}), on="task", how="left")
    from curation.decontaminate import PREFIX

    rules = before.group_by("task").agg(pl.struct("reason", "records"))
    by_rule = {
        task: {r["reason"].removeprefix(PREFIX): r["records"] for r in said}
        for task, said in rules.iter_rows()
    }
    return [row | {"rules": by_rule.get(row["task"], {})} for row in joined.fill_null(0).to_dicts()]


def _only(splits: list[str]) -> str:
    return f"All rows are in the split {splits[0]}" if splits else "The version has no splits"
