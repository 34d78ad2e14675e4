"""A suite's results for every role, and base against tuned on the same documents."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from eval.compare import Comparison, compare
from eval.config import BootstrapConfig
from eval.scores import PAIRS
from eval.tally import Tally
from eval.task_scores import TaskScore


@dataclass(frozen=True, slots=True)
class SuiteScores:
    """Results of one suite.

    by_role      role -> its scores, one a task and metric, in the same order for every role
    comparisons  (task, metric) -> second role against first, p adjusted over the whole suite
    pair         which roles were compared
    """

    name: str
    by_role: dict[str, list[TaskScore]]
    comparisons: dict[tuple[str, str], Comparison]
    pair: tuple[str, str] | None


def suite_scores(name: str, by_role: Mapping[str, list[TaskScore]], config: BootstrapConfig) -> SuiteScores:
    """Compare the roles of the first pair in PAIRS that both answered, task by task and metric by metric."""
    pair = next((two for two in PAIRS if two[0] in by_role and two[1] in by_role), None)
    comparisons: dict[tuple[str, str], Comparison] = {}
    if pair is not None:
        first, second = (_tallies(by_role[role]) for role in pair)
        known = {key: score for score in by_role[pair[1]] if (key := f"{score.task}/{score.metric}")}
        # Tasks differ in their number of documents: each task is drawn for itself, and all p are adjusted together.
        found = compare(
            first,
            second,
            config,
            lower_is_better=[key for key, score in known.items() if not score.higher_is_better],
            right_or_wrong=[key for key, score in known.items() if score.right_or_wrong],
        )
        comparisons = {(known[key].task, known[key].metric): one for key, one in found.items()}
    return SuiteScores(name, dict(by_role), comparisons, pair)


def _tallies(scores: list[TaskScore]) -> dict[str, Tally]:
    return {f"{s.task}/{s.metric}": s.tally for s in scores if s.tally is not None}
