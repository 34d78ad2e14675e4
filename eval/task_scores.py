"""What the harness found on one task, as scores with their per-item statistics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from math import log
from statistics import NormalDist
from typing import Any

import numpy as np

from eval.bootstrap import Interval
from eval.config import BootstrapConfig
from eval.tally import Floats, Tally, mean_tally, ratio


@dataclass(frozen=True, slots=True)
class TaskItem:
    """What one document of a task gave: ids are the document's `id`, else its number."""

    id: str
    prompt: str
    prediction: str
    reference: str


@dataclass(frozen=True, slots=True)
class TaskScore:
    """One metric of one task for one role.

    value, stderr  as the harness states them; stderr None where it gives none
    tally          per-item statistics; None for a metric that is not a mean over items
    right_or_wrong whether every item scored 0 or 1
    """

    task: str
    metric: str
    value: float
    stderr: float | None
    n: int
    higher_is_better: bool
    tally: Tally | None
    right_or_wrong: bool
    items: list[TaskItem]
    signature: str

    def interval(self, config: BootstrapConfig) -> Interval | None:
        """value +- z stderr, inside 0 to 1 for a fraction."""
        if self.stderr is None:
            return None
        reach = NormalDist().inv_cdf((1 + config.level) / 2) * self.stderr
        low, high = self.value - reach, self.value + reach
        if self.right_or_wrong:
            low, high = max(low, 0.0), min(high, 1.0)
        return Interval(low, high, config.level)


def task_scores(name: str, task: Any, found: Mapping[str, Any], *, chat: bool) -> list[TaskScore]:
    """The scores of task `name` in `found`, what `lm_eval.evaluate` returned; one a metric, of its first filter."""
    samples = found["samples"][name]
    first_filter = samples[0]["filter"] if samples else "none"
    samples = sorted((s for s in samples if s["filter"] == first_filter), key=lambda s: int(s["doc_id"]))
    results = found["results"][name]
    items = [_item(task, sample) for sample in samples]
    scores = []
    for metric, upwards in found["higher_is_better"][name].items():
        value = results.get(f"{metric},{first_filter}")
        if not isinstance(value, int | float):
            continue
        stderr = results.get(f"{metric}_stderr,{first_filter}")
        signature = "|".join(
            (
                metric,
                f"task:{name}",
                f"v:{found['versions'].get(name)}",
                f"shots:{found['n-shot'].get(name, 0)}",
                f"chat:{'yes' if chat else 'no'}",
                f"lm-eval:{version('lm-eval')}",
            )
        )
        each = [sample.get(metric) for sample in samples]
        tally = _tally(f"{name}/{metric}", each, float(value), signature)
        scores.append(
            TaskScore(
                task=name,
                metric=metric,
                value=float(value),
                stderr=float(stderr) if isinstance(stderr, int | float) and np.isfinite(stderr) else None,
                n=len(samples),
                higher_is_better=bool(upwards),
                tally=tally,
                right_or_wrong=all(one in (0, 1) for one in each),
                items=items,
                signature=signature,
            )
        )
    return scores


def _tally(name: str, each: Sequence[Any], value: float, signature: str) -> Tally | None:
    """The tally that gives back the harness's own `value`, or None where neither kind of mean does."""
    if each and all(isinstance(one, int | float | np.number) for one in each):
        mean = mean_tally(name, [float(one) for one in each], signature)
        return mean if abs(mean.value - value) < 1e-9 else None
    if each and all(isinstance(one, tuple | list) and len(one) == 2 for one in each):
        statistics = np.array([[-one[0] / log(2), one[1]] for one in each], dtype=np.float64)
        bits = Tally(name, statistics, ratio, signature, float(ratio(statistics.sum(axis=0))))
        return bits if abs(bits.value - value) < 1e-9 else None
    return None


def _item(task: Any, sample: Mapping[str, Any]) -> TaskItem:
    doc = sample["doc"]
    responses = sample["filtered_resps"]
    choices = task.doc_to_choice(doc) if task.OUTPUT_TYPE == "multiple_choice" else None
    target = sample["target"]
    if choices:
        scores: Floats = np.array([response[0] for response in responses], dtype=np.float64)
        prediction = str(choices[int(scores.argmax())])
        reference = str(choices[int(target)]) if str(target).isdigit() else str(target)
    else:
        prediction = responses[0] if isinstance(responses[0], str) else ""
        reference = str(target)
    identity = str(doc.get("id", sample["doc_id"]))
    return TaskItem(identity, str(task.doc_to_text(doc)), prediction, reference)
