"""The Result: everything that one evaluation found, before it is stored and shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from data.evaluations import Evaluation
from data.facts import Fact
from eval.compare import Comparison, Conclusion
from eval.config import EvalConfig
from eval.scores import Scored
from eval.suite import SuiteScores


@dataclass(frozen=True, slots=True)
class Result:
    """One evaluation.

    subject   what was examined, in the words of the report's head: label -> text
    command   the command that gives this evaluation again
    """

    evaluation: Evaluation
    config: EvalConfig
    slices: list[Scored]
    suite: SuiteScores | None
    facts: list[Fact]
    subject: dict[str, str]
    command: str

    @property
    def main(self) -> Scored:
        """The slice that the conclusion is drawn from: the split, or the file."""
        return self.slices[0]

    @property
    def outcome(self) -> str:
        """BETTER, WORSE, MIXED or UNCLEAR over the metrics of the main slice; INFO where nothing is compared."""
        pair = self.main.pair
        return outcome_of(list(self.main.comparisons[pair].values())) if pair else "INFO"


def outcome_of(comparisons: Sequence[Comparison]) -> str:
    """One word over several metrics: better on some and worse on none is BETTER, and so on."""
    conclusions = {comparison.conclusion for comparison in comparisons}
    if {Conclusion.better, Conclusion.worse} <= conclusions:
        return "MIXED"
    if Conclusion.better in conclusions:
        return "BETTER"
    if Conclusion.worse in conclusions:
        return "WORSE"
    return "INSUFFICIENT" if conclusions == {Conclusion.too_few} else "UNCLEAR"
