"""Answers that the model generates at each validation, compared with those of the validation rows."""

# transformers is typed in part only.
# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

import time
from typing import Any

from transformers import TrainerCallback

from train.answers import answers
from train.attention import padded_attention
from train.chat import question_and_reference
from train.rows import COLUMNS


class Generated(TrainerCallback):  # type: ignore[misc, unused-ignore]
    """Adds `eval_exact_match` (fraction of rows) and `eval_chrf` (0 to 100) to the trainer's log.

    `rows`: a frame of train.rows.COLUMNS, each of which is answered greedily. `trainer` is set once there is one.
    `seconds`: what the answers have taken, which no forecast counts.
    """

    def __init__(self, rows: Any, tokenizer: Any, max_new_tokens: int) -> None:
        pairs = (
            question_and_reference(kind, messages, label)
            for _, kind, messages, label, _ in rows.select(COLUMNS).iter_rows()
        )
        self.asked = [pair for pair in pairs if pair is not None]
        self.trainer: Any = None
        self.seconds = 0.0
        self._tokenizer = tokenizer
        self._max_new_tokens = max_new_tokens

    def on_evaluate(self, args: Any, state: Any, control: Any, **rest: Any) -> None:
        """Generate and compare; what comes out is logged beside the validation loss of the same step."""
        if not self.asked or self.trainer is None:
            return
        began = time.perf_counter()
        with padded_attention(rest["model"]):
            said = answers(
                rest["model"],
                self._tokenizer,
                [asked for asked, _ in self.asked],
                max_new_tokens=self._max_new_tokens,
            )
        measured = scores(said, [reference for _, reference in self.asked])
        self.seconds += time.perf_counter() - began
        self.trainer.log({f"eval_{name}": value for name, value in measured.items()})


def scores(said: list[str], references: list[str]) -> dict[str, float]:
    """exact_match: fraction of answers that are equal but for outer space; chrf: sacrebleu's, where it is installed."""
    same = sum(
        answer.strip() == reference.strip() for answer, reference in zip(said, references, strict=True)
    )
    found = {"exact_match": same / len(said)}
    try:
        import sacrebleu
    except ImportError:
        return found
    return {**found, "chrf": float(sacrebleu.corpus_chrf(said, [references]).score)}
