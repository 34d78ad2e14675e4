"""TRL's SFTTrainer with packed batches, an output head for supervised tokens only, and no waiting for the GPU."""

# transformers is typed in part only.
# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

from transformers import Trainer
from trl.trainer.sft_trainer import SFTTrainer

from train.attention import inner_model, packed_attention
from train.packing import NOT_FOR_THE_MODEL, PackedBatches, collate, row_lengths


@dataclass(frozen=True, slots=True)
class Pace:
    """How batches are laid out and computed; none of it changes what is learnt beyond rounding.

    packed    rows end to end without padding (`train.packing`); the model's attention must be `packed`
    budget    tokens of a batch, filled by best fit; None: as many rows as the batch size says
    compile   compile each layer: about half a minute at the start
    bf16      matrix products in bfloat16 on a GPU; the weights keep their number format
    """

    packed: bool = False
    budget: int | None = None
    compile: bool = False
    bf16: bool = False


class CountingTrainer(SFTTrainer):  # type: ignore[misc, unused-ignore]
    """`tokens_seen`: tokens of training batches so far, padding left out.

    TRL computes the loss in tiles of the vocabulary so that a GPU never holds all logits, and computes the tiles a
    second time for the gradients. For packed batches the head is computed only where a token carries loss, once. For
    padded ones a CPU has the memory and lacks the time: there the model's own loss is a quarter faster for a
    vocabulary of 49,152, and the same number.
    """

    def __init__(self, *, pace: Pace | None = None, **arguments: Any) -> None:
        self.tokens_seen = 0
        self.pace = pace or Pace()
        if self.pace.packed:
            arguments["data_collator"] = partial(
                collate, pad_to=self.pace.budget if self.pace.compile else None
            )
        super().__init__(**arguments)
        if self.pace.bf16:
            # The embeddings would else keep the sum that runs through all layers in float32, twice the bytes.
            inner_model(self.model).get_input_embeddings().register_forward_hook(_in_bf16)
        if self.pace.compile:
            compile_layers(self.model)

    def train(self, *arguments: Any, **named: Any) -> Any:
        """See `Trainer.train`; while it runs, the model of a packed training takes packed batches only."""
        with packed_attention(self.model) if self.pace.packed else nullcontext():
            return super().train(*arguments, **named)

    def get_train_dataloader(self) -> Any:
        """See `Trainer.get_train_dataloader`; with a token budget batches are drawn by `PackedBatches`."""
        if self.pace.budget is None:
            return super().get_train_dataloader()
        from torch.utils.data import DataLoader

        dataset = self._remove_unused_columns(self.train_dataset, description="training")
        batches: Any = PackedBatches(
            row_lengths(dataset),
            self.pace.budget,
            seed=self.args.data_seed or self.args.seed,
            process=self.args.process_index,
            processes=self.args.world_size,
        )
        loader = DataLoader(
            dataset.with_format(
                "numpy"
            ),  # arrays: a batch of 64,000 tokens as Python numbers takes longer than a step
            batch_sampler=batches,
            collate_fn=self.data_collator,
            pin_memory=self.args.dataloader_pin_memory,
            num_workers=self.args.dataloader_num_workers,
        )
        prepared = self.accelerator.prepare(loader)
        shard: Any = getattr(prepared, "batch_sampler", None)
        if shard is not batches and getattr(shard, "batch_sampler", None) is batches:
            shard.num_processes, shard.process_index = 1, 0  # each process has its own share already
        return prepared

    def autocast_smart_context_manager(
        self, cache_enabled: bool | None = True
    ) -> AbstractContextManager[Any]:
        """See `Trainer`. Accelerate's own would convert all logits to float32 on their way out."""
        if not self.pace.bf16:
            return super().autocast_smart_context_manager(cache_enabled)  # type: ignore[no-any-return, unused-ignore]
        import torch

        return torch.autocast("cuda", dtype=torch.bfloat16)

    def compute_loss(
        self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """See `Trainer.compute_loss`."""
        if self.pace.packed:
            return self._packed_loss(model, inputs, num_items_in_batch, return_outputs)
        if model.training:
            self.tokens_seen += int(inputs["attention_mask"].sum())
        own: Any = Trainer.compute_loss if self.args.use_cpu else SFTTrainer.compute_loss
        return own(
            self,
            model,
            {**inputs, "use_cache": False},
            return_outputs=return_outputs,
            num_items_in_batch=num_items_in_batch,
        )

    def _packed_loss(self, model: Any, inputs: Any, count: Any, return_outputs: bool) -> Any:
        given = {name: value for name, value in inputs.items() if name not in NOT_FOR_THE_MODEL}
        targets = inputs["targets"]
        if model.training:
            self.tokens_seen += inputs["input_ids"].shape[
                1
            ]  # a shape: asking a tensor would wait for the GPU
        outputs = model(**given, use_cache=False)
        entropy = _compiled_entropy() if self.pace.compile else cross_entropy_sum
        loss = entropy(
            outputs.logits[0], targets, self.args.label_smoothing_factor if model.training else 0.0
        )
        loss = loss / (targets.numel() if count is None else count)
        if self.args.average_tokens_across_devices and count is not None:
            loss = loss * self.accelerator.num_processes
        return (loss, outputs) if return_outputs else loss


def cross_entropy_sum(logits: Any, targets: Any, smoothing: float) -> Any:
    """Sum over n tokens of the cross entropy of `logits` (n, vocabulary) with `targets` (n,), in float32."""
    from torch.nn.functional import cross_entropy

    return cross_entropy(logits.float(), targets, reduction="sum", label_smoothing=smoothing)


@cache
def _compiled_entropy() -> Any:
    import torch

    # Compiled, the float32 copy of the logits is never written to memory.
    return torch.compile(cross_entropy_sum, dynamic=True)


def compile_layers(model: Any) -> None:
    """Compile each transformer layer by itself: one layer's code serves all, so that it takes seconds."""
    from transformers.modeling_layers import GradientCheckpointingLayer

    for part in inner_model(model).modules():
        if isinstance(part, GradientCheckpointingLayer):
            part.compile()


def _in_bf16(module: Any, inputs: Any, output: Any) -> Any:
    import torch

    return output.to(torch.bfloat16) if torch.is_autocast_enabled("cuda") else output
