"""What the trainers of encoders share: a count of tokens, and validation without label smoothing."""

from __future__ import annotations

from typing import Any


class Counted:
    """To stand before a transformers.Trainer among the bases of a class.

    `tokens_seen`: tokens of training batches so far, padding left out. Label smoothing shapes what is learnt; the
    loss on validation rows is the plain one, so that runs with and without it can be compared.
    """

    tokens_seen = 0

    def compute_loss(
        self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """See `Trainer.compute_loss`."""
        trainer: Any = self
        smoother = trainer.label_smoother
        if model.training:
            self.tokens_seen += int(inputs["attention_mask"].sum())
        else:
            trainer.label_smoother = None
        try:
            return super().compute_loss(  # type: ignore[misc]
                model, inputs, return_outputs=return_outputs, num_items_in_batch=num_items_in_batch
            )
        finally:
            trainer.label_smoother = smoother
