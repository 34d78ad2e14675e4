"""L1 regularisation: after each step the trained weights move towards zero by a fixed amount, and stop there."""

from __future__ import annotations

from typing import Any

from transformers import TrainerCallback


class Shrink(TrainerCallback):  # type: ignore[misc, unused-ignore]
    """Soft thresholding of the trained matrices after every optimiser step: w <- sign(w) max(|w| - lr l1, 0).

    This is the proximal step of the penalty l1 |w| (Parikh and Boyd 2014, Proximal Algorithms, 6.5.2). Like AdamW's
    weight decay it is decoupled: neither the moments of Adam nor the losses that are shown contain the penalty, and
    weights become exactly zero. Vectors (norms, biases) are left alone, as weight decay leaves them.
    """

    def __init__(self, l1: float) -> None:
        self.l1 = l1

    def on_optimizer_step(self, args: Any, state: Any, control: Any, **rest: Any) -> None:
        """Shrink by the learning rate of the step that was just taken."""
        import torch

        with torch.no_grad():
            for group in rest["optimizer"].param_groups:
                for weight in group["params"]:
                    if weight.dim() > 1:
                        weight.copy_(torch.nn.functional.softshrink(weight, group["lr"] * self.l1))
