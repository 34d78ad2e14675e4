"""QUA-003: how far the people agree who labelled rows of this data set, question by question."""

from __future__ import annotations

from typing import Any

from audit.context import Context
from data.facts import Fact, Outcome
from data.report.wording import counted, number

# Units of the measures, and what they are called.
MEASURES = {
    "desk_alpha": ("alpha", "Krippendorff's alpha"),
    "desk_masi": ("alpha", "Krippendorff's alpha, MASI distance"),
    "desk_span_f1": ("F1", "F1 of spans"),
}
PEOPLE = ("desk_majority", "desk_gold", "desk_accepted")
ITEMS_TO_SAY = 1_000_000  # a need beyond this is not worth a number


def annotator_agreement(context: Context) -> list[Fact]:
    """One fact for the question with the least agreement, which stands for the check, and one for each question.

    Only items of this data set count that two or more people answered on the labelling desk. NOT_RUN without any.
    """
    from curation.desk.reliability import AGREEMENT, agreement_facts, disparity_facts, people_facts
    from curation.desk.settings import LabellingConfig

    config = LabellingConfig(seed=context.config.seed, groups=context.groups)
    found: list[Fact] = []
    people: list[dict[str, Any]] = []
    groups: list[dict[str, Any]] = []
    for dataset in context.store.desk_datasets():
        ids = context.store.desk_items(dataset.dataset)["record_id"].to_list()
        if not context.store.present(context.lineage[0].version, ids):
            continue
        found += [f for f in agreement_facts(context.store, dataset, config) if f.name in AGREEMENT]
        people += [_row(fact) for fact in people_facts(context.store, dataset, config)]
        groups += [_row(fact) for fact in disparity_facts(context.store, dataset, config)]
    if not found:
        why = (
            "No two people answered the same items. Push with overlap=2: python -m curation.desk push overlap=2, "
            "and pull what they answered."
        )
        return [context.not_run("QUA-003", why, "alpha")]
    slices = [_fact(context, fact) for fact in found]
    judged = [fact for fact in slices if fact.value is not None]
    least = min(judged, key=lambda fact: fact.value or 0.0) if judged else slices[0]
    whole = context.fact(
        "QUA-003", least.value, least.unit, n=least.n, low=least.low, high=least.high, level=least.level,
        method=least.method, signature=least.signature, outcome=least.outcome, threshold=least.threshold,
        n_needed=least.n_needed, evidence=context.rerun("QUA-003"),
        detail={"says": _sentence(least, len(slices)), "people": people, "groups": groups},
    )  # fmt: skip
    return [whole, *slices]


def _row(fact: Fact) -> dict[str, Any]:
    return {
        "name": fact.name, "slice": fact.slice, "value": fact.value, "n": fact.n, "low": fact.low,
        "high": fact.high, "p_adjusted": fact.detail.get("p_adjusted"), "others": fact.detail.get("others"),
        "told": fact.detail.get("told", True),
    }  # fmt: skip


def _fact(context: Context, measured: Fact) -> Fact:
    """The desk's fact as one of this check, judged against the policy."""
    least = context.policy.min_agreement
    unit, name = MEASURES[measured.name]
    outcome, needed = _judged(context, measured)
    return context.fact(
        "QUA-003", measured.value, unit, slice=measured.slice, n=measured.n, low=measured.low, high=measured.high,
        level=measured.level, method=f"{name}; {measured.method}", signature=measured.signature, outcome=outcome,
        n_needed=needed, threshold=f"at least {least:g}", evidence=context.rerun("QUA-003"),
        detail={key: measured.detail[key] for key in ("question", "level", "dataset", "answers")},
    )  # fmt: skip


def _judged(context: Context, fact: Fact) -> tuple[str, int | None]:
    """PASS where the lower bound reaches the policy, FAIL where the upper one does not.

    INSUFFICIENT with too few items, or where more of them may show it; WARN where the value itself is below.
    """
    least, n = context.policy.min_agreement, fact.n or 0
    if fact.value is None:
        return Outcome.INFO.value, None
    if fact.low is None or fact.high is None or n < context.policy.min_rows:
        return Outcome.INSUFFICIENT.value, context.policy.min_rows
    if fact.low >= least:
        return Outcome.PASS.value, None
    if fact.high < least:
        return Outcome.FAIL.value, None
    if fact.value <= least:
        return Outcome.WARN.value, None
    # The half width shrinks with the root of the items.
    needed = round(n * ((fact.value - fact.low) / (fact.value - least)) ** 2)
    return Outcome.INSUFFICIENT.value, min(max(needed, n + 1), ITEMS_TO_SAY)


def _sentence(least: Fact, count: int) -> str:
    where = f"'{least.detail['question']}' of {least.detail['dataset']} ({least.detail['level']})"
    if least.value is None:
        return f"Nothing differs: the answers to {where} are all equal ({number(least.detail['answers'])} of them)."
    bounds = "" if least.low is None else f", 95 % interval {least.low:.2f} to {least.high:.2f}"
    more = "" if count == 1 else f" It is the least of {count} measures."
    return (
        f"People who answered the same {counted(least.n or 0, 'item')} agree on {where} at {least.value:.2f}{bounds}. "
        f"1 is perfect, 0 what chance gives; from .80 on answers can be relied on, below .67 they cannot.{more}"
    )
