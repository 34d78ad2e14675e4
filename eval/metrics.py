"""What is measured. METRICS is the list of what exists; each entry says its unit and which way is better."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from eval.classes import accuracy, macro_f1, macro_precision, macro_recall
from eval.match import exact_match, token_f1
from eval.overlap import bleu, chrf
from eval.rouge import rouge_1, rouge_2, rouge_l, rouge_lsum
from eval.tally import Tally

Measure = Callable[[Sequence[str], Sequence[Sequence[str]]], Tally]


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric.

    title             what a report calls it
    unit              what its number counts
    top               the largest value it can take; None where there is none
    higher_is_better  which way is good
    measure           (predictions, references) -> Tally; None where the model itself is asked (perplexity)
    reads             one sentence on how to read the number
    """

    title: str
    unit: str
    top: float | None
    higher_is_better: bool
    measure: Measure | None
    reads: str


METRICS: dict[str, Metric] = {
    "bleu": Metric("BLEU", "BLEU", 100.0, True, bleu, "shared 1- to 4-word runs, over the whole set"),
    "chrf": Metric("chrF", "chrF", 100.0, True, chrf, "shared runs of 1 to 6 characters, over the whole set"),
    "rouge_1": Metric("ROUGE-1", "F1", 1.0, True, rouge_1, "shared words, mean over items"),
    "rouge_2": Metric("ROUGE-2", "F1", 1.0, True, rouge_2, "shared word pairs, mean over items"),
    "rouge_l": Metric("ROUGE-L", "F1", 1.0, True, rouge_l, "longest shared word order, mean over items"),
    "rouge_lsum": Metric("ROUGE-Lsum", "F1", 1.0, True, rouge_lsum, "the same line by line"),
    "exact_match": Metric("Exact match", "fraction", 1.0, True, exact_match, "answers equal to a reference"),
    "token_f1": Metric("Token F1", "F1", 1.0, True, token_f1, "shared words in any order, mean over items"),
    "perplexity": Metric(
        "Perplexity", "perplexity", None, False, None, "how surprised the model is by the reference answer"
    ),
    "accuracy": Metric("Accuracy", "fraction", 1.0, True, accuracy, "labels that are right"),
    "macro_f1": Metric("Macro F1", "F1", 1.0, True, macro_f1, "F1 of each label, plain mean"),
    "macro_precision": Metric(
        "Macro precision", "fraction", 1.0, True, macro_precision, "right among those said, mean over labels"
    ),
    "macro_recall": Metric(
        "Macro recall", "fraction", 1.0, True, macro_recall, "found among those true, mean over labels"
    ),
}


def measure(
    names: Sequence[str], predictions: Sequence[str], references: Sequence[Sequence[str]]
) -> dict[str, Tally]:
    """The tallies of the metrics of texts among `names`; those that ask the model are left out.

    Needs at least one prediction, and at least one reference for each.
    """
    found = {name: METRICS[name].measure for name in names}
    return {name: ask(predictions, references) for name, ask in found.items() if ask is not None}
