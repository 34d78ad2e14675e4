"""PII-011: how well the detector finds what people have labelled, in texts that are not the version's own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from audit import statistics
from audit.context import Context
from audit.pii_labelled import Labelled, read
from audit.pii_scores import Scores, score
from data.errors import ConfigError, closest
from data.facts import Fact
from data.report.wording import counted, percent

if TYPE_CHECKING:
    from curation.pii.config import PiiConfig

CHECK = "PII-011"
NO_TRUTH = (
    "No labelled file was given (pii.truth=FILE): how much the detector misses in one was not measured."
)
METHOD = "Wilson, labels taken as independent"


def labelled_truth(context: Context) -> list[Fact]:
    """Recall of any type (the first fact), recall and precision by type, character-level F2, recall by slice."""
    given = context.config.pii
    if not given.truth:
        return [context.not_run(CHECK, NO_TRUTH)]
    labelled = read(Path(given.truth).expanduser())
    config = _detector(context)
    scores = scored(labelled, config)
    return [
        _main(context, scores, labelled, config),
        *_shares(context, scores),
        *_types(context, scores),
        *_slices(context, scores),
    ]


def scored(labelled: Labelled, config: PiiConfig) -> Scores:
    """What the detector finds in the labelled texts, counted against the labels."""
    from curation.pii.detect import scan

    return score(labelled.texts, labelled.labels, scan(labelled.texts, config))


def _detector(context: Context) -> PiiConfig:
    """The engine asked for, else that of the scrubbing; every type is looked for, since any may be labelled."""
    from audit.privacy import detector
    from curation.pii.config import ENTITIES, Engine, usual

    wanted = context.config.pii.engine
    if not wanted:
        own = detector(context)
        return replace(own, enabled=True, entities=sorted({*ENTITIES, *own.entities}))
    if wanted not in list(Engine):
        raise ConfigError(f"pii.engine={wanted}", closest(wanted, list(Engine)))
    return usual(Engine(wanted))


def _main(context: Context, scores: Scores, labelled: Labelled, config: PiiConfig) -> Fact:
    found, n = scores.hit.total(), scores.labels.total()
    says = f"The file labels nothing: of {counted(len(labelled.texts), 'text')} none can be missed."
    if n:
        says = (
            f"Found of {counted(n, 'labelled stretch', 'labelled stretches')}: {percent(scores.recall)}, "
            f"{percent(scores.typed_recall)} under their type. Of {counted(scores.said.total(), 'finding')} "
            f"{percent(scores.precision)} touch a label."
        )
    left_out = sum(scores.unlabelled.values())
    fact = _share(
        context, found, n, "all", {"says": says, "texts": len(labelled.texts), "left_out": left_out}
    )
    fact.signature = (
        f"engine:{config.engine.value}|model:{config.spacy_model}|threshold:{config.threshold}|texts:{len(labelled.texts)}"
        f"|file:{Path(context.config.pii.truth).name}"
    )
    fact.evidence = context.rerun(CHECK)
    return fact


def _shares(context: Context, scores: Scores) -> list[Fact]:
    low, high = scores.f2_interval(seed=context.config.seed, level=context.policy.level)
    return [
        _share(context, scores.typed.total(), scores.labels.total(), "measure=typed recall", {}),
        _share(context, scores.right.total(), scores.said.total(), "measure=precision", {}),
        context.fact(
            CHECK,
            scores.f2,
            "F2",
            slice="measure=characters",
            n=len(scores.characters),
            low=low,
            high=high,
            level=context.policy.level,
            method="percentile bootstrap over texts",
        ),
    ]


def _types(context: Context, scores: Scores) -> list[Fact]:
    return [
        _share(
            context,
            scores.hit[kind],
            n,
            f"type={kind}",
            {
                "typed": scores.typed[kind],
                "findings": scores.said[kind],
                "right": scores.right[kind],
                "right_typed": scores.right_typed[kind],
            },
        )
        for kind, n in sorted(scores.labels.items(), key=lambda item: (-item[1], item[0]))
    ]


def _slices(context: Context, scores: Scores) -> list[Fact]:
    return [
        _share(context, found, n, f"{name}={value}", {"typed": typed})
        for (name, value), (n, found, typed) in sorted(
            scores.sliced.items(), key=lambda i: (i[0][0], -i[1][0], i[0][1])
        )
    ]


def _share(context: Context, found: int, n: int, slice_: str, detail: dict[str, Any]) -> Fact:
    low, high = statistics.wilson(found, n, context.policy.level) if n else (None, None)
    return context.fact(
        CHECK,
        found / n if n else None,
        "fraction",
        slice=slice_,
        n=n,
        low=low,
        high=high,
        level=context.policy.level,
        method=METHOD,
        detail={**detail, "found": found},
    )
