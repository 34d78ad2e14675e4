"""An evaluation in words: the same in the report, its JSON and the terminal."""

from __future__ import annotations

from data.report.wording import number
from eval.compare import Comparison, Conclusion
from eval.metrics import METRICS
from eval.result import Result
from eval.scores import Scored

ROLE_WORDS = {
    "base": "the base model",
    "tuned": "the tuned model",
    "copy_nearest": "copying the nearest training answer",
    "majority": "always saying the most frequent label",
    "linear": "a linear model of the words",
    "prediction": "the predictions",
    "baseline": "the baseline",
}
# The outcome words that the report draws badges for.
BADGES = {
    Conclusion.better: "BETTER",
    Conclusion.worse: "WORSE",
    Conclusion.unclear: "UNCLEAR",
    Conclusion.too_few: "INSUFFICIENT",
}


def badge(conclusion: Conclusion) -> str:
    """The outcome word of a conclusion."""
    return BADGES[conclusion]


def title_of(metric: str) -> str:
    """What people call a metric; a suite's metric keeps its own name."""
    return METRICS[metric].title if metric in METRICS else metric.replace("/", ": ")


def signed(value: float) -> str:
    """A difference with its sign."""
    return ("+" if value > 0 else "") + number(value)


def p_words(p: float) -> str:
    """A p-value: three decimals, and never 0."""
    return "<0.001" if p < 0.001 else f"{p:.3f}"


def difference_words(metric: str, found: Comparison) -> str:
    """`BLEU from 11.2 to 58.0 (+46.8; 95 % interval +40.2 to +52.9; adjusted p 0.004)`."""
    percent = f"{found.level * 100:.3g}"
    return (
        f"{title_of(metric)} from {number(found.first)} to {number(found.second)} ({signed(found.difference)}; "
        f"{percent} % interval {signed(found.low)} to {signed(found.high)}; adjusted p {p_words(found.p_adjusted)})"
    )


def slice_words(scored: Scored, pair: tuple[str, str]) -> str:
    """One or two sentences on one slice and pair of roles."""
    comparisons = scored.comparisons[pair]
    by = {
        conclusion: [title_of(m) for m, c in comparisons.items() if c.conclusion is conclusion]
        for conclusion in Conclusion
    }
    first, second = (ROLE_WORDS[role] for role in pair)
    many = len(scored.slice.items) != 1
    count = f"{len(scored.slice.items):,} item{'s' if many else ''} of the slice {scored.slice.name}"
    if by[Conclusion.too_few]:
        return f"{count} {'are' if many else 'is'} too few to say anything of {second} against {first}."
    parts = []
    if by[Conclusion.better]:
        parts.append(f"better on {_listing(by[Conclusion.better], len(comparisons))}")
    if by[Conclusion.worse]:
        parts.append(f"worse on {_listing(by[Conclusion.worse], len(comparisons))}")
    if by[Conclusion.unclear]:
        parts.append(f"not clearly different on {_listing(by[Conclusion.unclear], len(comparisons))}")
    verb = "are" if second.endswith("predictions") else "is"
    return f"Against {first}, {second} {verb} {_joined(parts)} ({count})."


def summary(result: Result) -> str:
    """The paragraph for a reader who stops after it."""
    paragraphs = []
    for scored in result.slices:
        sentences = [slice_words(scored, pair) for pair in scored.comparisons]
        if scored.pair is not None and scored is result.main:
            metric, found = next(iter(scored.comparisons[scored.pair].items()))
            sentences.insert(1, difference_words(metric, found) + ".")
        if not scored.comparisons:
            role = scored.roles[-1]
            scores = (f"{title_of(m)} {number(t.value)}" for m, t in scored.tallies[role].items())
            sentences.append(
                f"{len(scored.slice.items):,} items of {scored.slice.origin}: {', '.join(scores)}."
            )
        if scored.seen:
            sentences.append(f"{len(scored.seen):,} of these prompts were also asked in training.")
        paragraphs.append(" ".join(sentences))
    if result.suite is not None and result.suite.comparisons:
        conclusions = [
            f"{title_of(f'{task}/{metric}')} {found.words()}"
            for (task, metric), found in result.suite.comparisons.items()
        ]
        paragraphs.append(f"On the suite {result.suite.name}: {'; '.join(conclusions)}.")
    return "\n\n".join(paragraphs)


def _listing(names: list[str], of: int) -> str:
    if len(names) == of:
        return f"all {of} metrics" if of > 1 else names[0]
    return _joined(names)


def _joined(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
