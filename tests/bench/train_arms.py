"""What the arms of bench_train.py train: models by their shapes, rows of random tokens, and each arm's loop."""

from __future__ import annotations

import argparse
import itertools
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import LlamaConfig, LlamaForCausalLM, TrainerCallback

from train.attention import packed_attention
from train.packing import IGNORED, PackedBatches, collate
from train.trainer import CountingTrainer, Pace, compile_layers, cross_entropy_sum

LR = 1e-4
# hidden size, intermediate size, layers, heads, key heads, vocabulary, tied embeddings: SmolLM2's three and Llama 3's
SHAPES: dict[str, tuple[int, int, int, int, int, int, bool]] = {
    "tiny": (256, 704, 6, 4, 2, 8_192, True),
    "135m": (576, 1_536, 30, 9, 3, 49_152, True),
    "360m": (960, 2_560, 32, 15, 5, 49_152, True),
    "1.7b": (2_048, 8_192, 24, 32, 32, 49_152, True),
    "8b": (4_096, 14_336, 32, 32, 8, 128_256, False),
}


def lengths_of(mix: str, count: int) -> Any:
    """Row lengths: `short` lognormal with mean 200, `mid` with mean 900, or a number for rows of that many tokens."""
    if mix.isdigit():
        return np.full(count, int(mix))
    mean, longest = {"short": (200, 2_048), "mid": (900, 4_096)}[mix]
    sigma = 0.7
    drawn = np.random.default_rng(1).lognormal(np.log(mean) - sigma**2 / 2, sigma, count)
    return np.clip(drawn.astype(int), 16, longest)


def rows_of(mix: str, tokens: int, vocabulary: int, supervised: float) -> list[dict[str, Any]]:
    """Rows of random tokens, `tokens` in all or a little more; the end of each row carries loss."""
    lengths = lengths_of(mix, 1 + tokens // 16 if not mix.isdigit() else 1 + tokens // int(mix))
    lengths = lengths[: int(np.searchsorted(np.cumsum(lengths), tokens)) + 1]
    drawn = np.random.default_rng(2)
    rows = []
    for length in lengths:
        # A few frequent tokens, as text has: a loss that falls shows that the arm learns. Not the padding token, whose
        # embedding is all zeros: through 30 normalisations of zeros gradients overflow.
        ids = (3 + (vocabulary - 3) * drawn.random(length) ** 4).astype(np.int32)
        labels = ids.copy()
        labels[: int(length * (1 - supervised))] = IGNORED
        rows.append({"input_ids": ids, "labels": labels})
    return rows


def make_model(name: str, device: str) -> Any:
    hidden, inner, layers, heads, keys, vocabulary, tied = SHAPES[name.removesuffix("-lora")]
    torch.manual_seed(0)
    config = LlamaConfig(
        hidden_size=hidden, intermediate_size=inner, num_hidden_layers=layers, num_attention_heads=heads,
        num_key_value_heads=keys, vocab_size=vocabulary, tie_word_embeddings=tied, max_position_embeddings=8_192,
        rope_theta=100_000.0, pad_token_id=0, bos_token_id=1, eos_token_id=2,
    )  # fmt: skip
    config._attn_implementation = "sdpa"
    with torch.device(device):  # drawn where it is used: on a CPU 8B weights take minutes
        model = LlamaForCausalLM(config)
    # An adapter's base stays frozen and may be in half precision; trained weights are kept in float32.
    return model.to(torch.bfloat16) if name.endswith("-lora") and device == "cuda" else model


def adapter(name: str) -> Any:
    if not name.endswith("-lora"):
        return None
    from peft import LoraConfig

    return LoraConfig(r=16, lora_alpha=32, target_modules="all-linear", task_type="CAUSAL_LM")


def tokenizer_of(folder: Path, vocabulary: int) -> Any:
    """TRL wants a tokenizer although the rows are tokenised."""
    from tokenizers import Tokenizer, models
    from transformers import PreTrainedTokenizerFast

    words = {f"t{n}": n for n in range(min(vocabulary, 1000))}
    file = folder / "tokenizer.json"
    Tokenizer(models.WordLevel(words, unk_token="t0")).save(str(file))
    return PreTrainedTokenizerFast(tokenizer_file=str(file), pad_token="t0", eos_token="t2", unk_token="t0")


class Clock(TrainerCallback):
    """Times windows of steps; within a window nothing waits for the GPU."""

    def __init__(self, warm: int, window: int, windows: int, tokens: Callable[[], int]) -> None:
        self.marks = [warm + n * window for n in range(windows + 1)]
        self.tokens = tokens
        self.seen: list[tuple[float, int]] = []
        self.began = time.perf_counter()
        self.ready = 0.0

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if state.global_step == 1:
            synchronise()
            self.ready = time.perf_counter() - self.began
        if state.global_step in self.marks:
            synchronise()
            self.seen.append((time.perf_counter(), self.tokens()))


def synchronise() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def summary(seen: list[tuple[float, int]]) -> tuple[float, float, float]:
    rates = [(b[1] - a[1]) / (b[0] - a[0]) for a, b in itertools.pairwise(seen)]
    return float(np.median(rates)), min(rates), max(rates)


class Counted:
    """A collator that counts the tokens that are no padding."""

    def __init__(self, inner: Any) -> None:
        self.inner, self.real = inner, 0

    def __call__(self, rows: Any) -> Any:
        self.real += sum(len(row["input_ids"]) for row in rows)
        return self.inner(rows)


def train_with_trl(
    arm: str, name: str, rows: list[dict[str, Any]], options: argparse.Namespace, folder: Path
) -> dict[str, Any]:
    from datasets import Dataset
    from trl.trainer.sft_config import SFTConfig
    from trl.trainer.sft_trainer import SFTTrainer

    cuda = options.device == "cuda"
    model = make_model(name, options.device)
    longest = max(len(row["input_ids"]) for row in rows)
    per_batch = options.tuned_rows or max(2 * options.budget // longest, 1)
    steps = options.warm + options.window * options.windows
    settings: dict[str, Any] = {
        "output_dir": str(folder), "max_steps": steps, "learning_rate": LR, "report_to": [], "save_strategy": "no",
        "disable_tqdm": True, "logging_steps": steps, "logging_first_step": True, "use_cpu": not cuda,
        "lr_scheduler_type": "constant", "max_length": None, "dataset_kwargs": {"skip_prepare_dataset": True},
    }  # fmt: skip
    if not cuda:
        settings["bf16"] = False
    if arm == "tuned":
        settings |= {
            "gradient_checkpointing": False, "per_device_train_batch_size": per_batch,
            "train_sampling_strategy": "group_by_length",
        }  # fmt: skip
    if arm == "ours":
        settings |= {
            "gradient_checkpointing": options.checkpointing, "bf16": False,
            "logging_nan_inf_filter": False, "dataloader_num_workers": 4 if cuda else 0,
        }  # fmt: skip
    args = SFTConfig(**settings)
    shared = {
        "model": model,
        "args": args,
        "train_dataset": Dataset.from_list([{k: v.tolist() for k, v in row.items()} for row in rows]),
        "processing_class": tokenizer_of(folder, model.config.vocab_size),
        "peft_config": adapter(name),
    }
    if arm == "ours":
        pace = Pace(packed=True, budget=options.budget, compile=options.compile, bf16=cuda)
        trainer: Any = CountingTrainer(pace=pace, **shared)
    else:
        trainer = SFTTrainer(**shared)
    if arm == "ours":
        clock = Clock(options.warm, options.window, options.windows, lambda: trainer.tokens_seen)
    else:
        trainer.data_collator = counted = Counted(trainer.data_collator)
        clock = Clock(options.warm, options.window, options.windows, lambda: counted.real)
    trainer.add_callback(clock)
    trainer.train()
    logs = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    return {"seen": clock.seen, "start": clock.ready, "first": logs[0], "last": logs[-1]}


def train_by_hand(name: str, rows: list[dict[str, Any]], options: argparse.Namespace) -> dict[str, Any]:
    cuda = options.device == "cuda"
    began = time.perf_counter()
    model = make_model(name, options.device)
    if name.endswith("-lora"):
        from peft import get_peft_model

        model = get_peft_model(model, adapter(name))
    if options.checkpointing:
        model.gradient_checkpointing_enable()
    if options.compile:
        compile_layers(model)
    entropy = torch.compile(cross_entropy_sum, dynamic=True) if options.compile else cross_entropy_sum
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    optimiser = torch.optim.AdamW(weights, lr=LR, fused=cuda)
    batches = PackedBatches([len(row["input_ids"]) for row in rows], options.budget)
    pad_to = options.budget if options.compile else None
    steps = options.warm + options.window * options.windows
    marks = [options.warm + n * options.window for n in range(options.windows + 1)]
    losses, seen, real, ready, step = [], [], 0, 0.0, 0
    model.train()
    profiler = torch.profiler.profile() if options.profile else None
    with packed_attention(model):
        while step < steps:
            for pack in batches:
                batch = collate([rows[row] for row in pack], pad_to=pad_to)
                real += sum(len(rows[row]["input_ids"]) for row in pack)
                batch = {
                    k: v.to(options.device, non_blocking=True) if torch.is_tensor(v) else v
                    for k, v in batch.items()
                }
                targets, _ = batch.pop("targets"), (batch.pop("labels"), batch.pop("tokens"))
                with torch.autocast("cuda", torch.bfloat16, enabled=cuda):
                    if cuda:
                        ids = batch.pop("input_ids")
                        embedded = model.get_input_embeddings()(ids).to(torch.bfloat16)
                        batch["inputs_embeds"] = embedded
                    logits = model(**batch, use_cache=False).logits[0]
                    loss = entropy(logits, targets, 0.0) / len(targets)
                loss.backward()
                torch.nn.utils.clip_grad_norm_(weights, 1.0)
                optimiser.step()
                optimiser.zero_grad()
                losses.append(loss.detach())
                step += 1
                if step == 1:
                    synchronise()
                    ready = time.perf_counter() - began
                if step in marks:
                    synchronise()
                    seen.append((time.perf_counter(), real))
                if profiler is not None and step == marks[-2]:
                    profiler.start()
                if step == steps:
                    break
    if profiler is not None:
        profiler.stop()
        order = "self_cuda_time_total" if cuda else "self_cpu_time_total"
        print(profiler.key_averages().table(sort_by=order, row_limit=28, max_name_column_width=70))  # noqa: T201
    return {"seen": seen, "start": ready, "first": losses[0].item(), "last": losses[-1].item()}
