"""Sequence classification on transformers' own trainer, with the share of right answers at every validation."""

# transformers is typed in part only.
# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from transformers import DataCollatorWithPadding, Trainer, TrainingArguments

from train.batched import answering, by_length
from train.classify_scores import confusion, measures
from train.counted import Counted

Probabilities = npt.NDArray[np.float64]


class CountingClassifier(Counted, Trainer):  # type: ignore[misc, unused-ignore]
    """transformers' Trainer that counts the tokens of training batches."""


def trainer(model: Any, tokenizer: Any, arguments: Mapping[str, Any], shared: Mapping[str, Any]) -> Any:
    """The trainer of a classifier. Texts of like length are not put together: a batch is a random draw."""
    labels = int(model.config.num_labels)

    def scores(outcome: Any) -> dict[str, float]:
        found = measures(confusion(outcome.label_ids, np.argmax(outcome.predictions, axis=-1), labels))
        return {name: float(value) for name, value in found.items()}

    return CountingClassifier(
        model=model,
        args=TrainingArguments(**arguments),
        data_collator=DataCollatorWithPadding(tokenizer),
        compute_metrics=scores,
        **shared,
    )


def predict(
    model: Any,
    tokenizer: Any,
    texts: Sequence[str],
    *,
    max_length: int,
    batch_size: int = 32,
    advance: Callable[[int], None] = lambda _: None,
) -> Probabilities:
    """float64[texts, labels]: the probability of each label for each text, in the order given."""
    out = np.zeros((len(texts), int(model.config.num_labels)))
    batches = by_length(texts, tokenizer, model.device, max_length=max_length, batch_size=batch_size)
    with answering(model):
        for chosen, inputs in batches:
            out[chosen] = model(**inputs).logits.double().softmax(-1).cpu().numpy()
            advance(len(chosen))
    return out
