"""Training speed side by side: ours, TRL's defaults, TRL tuned by hand, and a loop written by hand.

    python tests/bench/bench_train.py                                        # a small model on a CPU
    python tests/bench/bench_train.py --models 135m --mixes short            # on a GPU: all arms
    python tests/bench/bench_train.py --models 1.7b,8b-lora --mixes 4096 --arms ours,loop

Every arm gets the same random-initialised weights, the same rows as token lists, AdamW with the same settings, and
trains in this process one after the other. Before the clocks start, parity: our first loss and gradient against the
padded batch of the same rows through the model's own loss, and a row's outputs while its neighbour is changed.

ours      train.trainer.CountingTrainer: packed rows, variable-length attention, layers compiled (GPU)
loop      the same model, attention and batches in twenty lines of PyTorch without any trainer
tuned     TRL's SFTTrainer by hand: no checkpointing, rows grouped by length, batches as large as ours
default   TRL's SFTTrainer as it comes: batches of 8, activation checkpointing, rows padded

Real tokens a second leave padding out. MFU is 6 x weights x real tokens/s (4 x for LoRA), over the rate of an
8192-cubed bfloat16 matrix product measured in the same process. Tables go to the screen and to --out.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import platform
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ.setdefault("PYTORCH_ALLOC_CONF", "expandable_segments:True")

import torch  # noqa: E402
from transformers import LlamaConfig, LlamaForCausalLM, TrainerCallback  # noqa: E402

from train.attention import packed_attention  # noqa: E402
from train.packing import IGNORED, PackedBatches, collate  # noqa: E402
from train.trainer import CountingTrainer, Pace, compile_layers, cross_entropy_sum  # noqa: E402

# hidden size, intermediate size, layers, heads, key heads, vocabulary, tied embeddings: SmolLM2's three and Llama 3's
SHAPES: dict[str, tuple[int, int, int, int, int, int, bool]] = {
    "tiny": (256, 704, 6, 4, 2, 8_192, True),
    "135m": (576, 1_536, 30, 9, 3, 49_152, True),
    "360m": (960, 2_560, 32, 15, 5, 49_152, True),
    "1.7b": (2_048, 8_192, 24, 32, 32, 49_152, True),
    "8b": (4_096, 14_336, 32, 32, 8, 128_256, False),
}
ARMS = ("ours", "loop", "tuned", "default")
LR = 1e-4


@dataclass
class Result:
    model: str
    mix: str
    arm: str
    real_tokens_s: float
    low: float
    high: float
    supervised_tokens_s: float
    ms_step: float
    tokens_step: float
    peak_gb: float
    start_s: float
    mfu: float
    first_loss: float
    last_loss: float


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
    rates = [(b[1] - a[1]) / (b[0] - a[0]) for a, b in zip(seen, seen[1:], strict=False)]
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
    if arm == "ours":
        with packed_attention(trainer.model):
            trainer.train()
    else:
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
        print(profiler.key_averages().table(sort_by=order, row_limit=28, max_name_column_width=70))
    return {"seen": seen, "start": ready, "first": losses[0].item(), "last": losses[-1].item()}


def parity(name: str, rows: list[dict[str, Any]], options: argparse.Namespace) -> dict[str, float]:
    """Packed against padded: difference of the first loss, cosine of the gradients, and what a neighbour changes."""
    some = [row for row in rows if len(row["input_ids"]) <= 1_024][:12] or rows[:2]
    model = make_model(name, options.device)
    cuda = options.device == "cuda"
    longest = max(len(row["input_ids"]) for row in some)
    padded: dict[str, list[Any]] = {"input_ids": [], "labels": [], "attention_mask": []}
    for row in some:
        missing = longest - len(row["input_ids"])
        padded["input_ids"].append(np.pad(row["input_ids"], (0, missing)))
        padded["labels"].append(np.pad(row["labels"], (0, missing), constant_values=IGNORED))
        padded["attention_mask"].append(np.arange(longest) < longest - missing)
    cast = partial(torch.autocast, "cuda", torch.bfloat16, enabled=cuda)
    given = {k: torch.tensor(np.stack(v), device=options.device).long() for k, v in padded.items()}
    with cast():
        reference = model(**given).loss
    reference.backward()
    expected = [weight.grad.clone() for weight in model.parameters()]
    model.zero_grad()

    def packed(part: list[dict[str, Any]]) -> tuple[Any, Any, Any]:
        batch = {k: v.to(options.device) if torch.is_tensor(v) else v for k, v in collate(part).items()}
        targets, _ = batch.pop("targets"), (batch.pop("labels"), batch.pop("tokens"))
        with packed_attention(model), cast():
            logits = model(**batch, use_cache=False).logits[0]
        return (
            logits,
            targets,
            torch.searchsorted(batch["cu_seq_lens_q"], batch["logits_to_keep"].int(), right=True) - 1,
        )

    logits, targets, row = packed(some)
    loss = cross_entropy_sum(logits, targets, 0.0) / len(targets)
    loss.backward()
    cosine = min(
        torch.nn.functional.cosine_similarity(weight.grad.flatten(), wanted.flatten(), dim=0).item()
        for weight, wanted in zip(model.parameters(), expected, strict=True)
    )
    changed = [some[0], {**some[1], "input_ids": some[1]["input_ids"][::-1].copy()}, *some[2:]]
    with torch.no_grad():
        other = packed(changed)[0]
    leak = (logits.detach() - other).abs()[row != 1].max()
    return {
        "loss_difference": abs(loss.item() - reference.item()),
        "lowest_gradient_cosine": cosine,
        "neighbour_leak": leak.item(),
    }


def matmul_tflops() -> float:
    """Rate of an 8192-cubed bfloat16 product on random data, TFLOP/s; on a CPU of a 1024-cubed float32 one."""
    size, cuda = (8_192, True) if torch.cuda.is_available() else (1_024, False)
    left, right = (
        torch.randn(
            size, size, device="cuda" if cuda else "cpu", dtype=torch.bfloat16 if cuda else torch.float32
        )
        for _ in range(2)
    )
    for _ in range(3):
        left @ right
    synchronise()
    began = time.perf_counter()
    for _ in range(20):
        left @ right
    synchronise()
    return 2 * size**3 * 20 / (time.perf_counter() - began) / 1e12


def free() -> None:
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    torch._dynamo.reset()


def measure(
    name: str, mix: str, arm: str, rows: list[dict[str, Any]], peak: float, options: argparse.Namespace
) -> Result:
    with tempfile.TemporaryDirectory() as folder:
        if arm == "loop":
            got = train_by_hand(name, rows, options)
        else:
            got = train_with_trl(arm, name, rows, options, Path(folder))
    median, low, high = summary(got["seen"])
    hidden, inner, layers, heads, keys, vocabulary, tied = SHAPES[name.removesuffix("-lora")]
    attention = hidden * hidden * 2 + 2 * hidden * hidden * keys // heads
    weights = layers * (attention + 3 * hidden * inner) + vocabulary * hidden
    share = sum(int((row["labels"] != IGNORED).sum()) for row in rows) / sum(
        len(row["labels"]) for row in rows
    )
    (a, first), (b, last) = got["seen"][0], got["seen"][-1]
    steps = options.window * options.windows
    return Result(
        model=name, mix=mix, arm=arm, real_tokens_s=median, low=low, high=high, supervised_tokens_s=median * share,
        ms_step=1e3 * (b - a) / steps, tokens_step=(last - first) / steps,
        peak_gb=torch.cuda.max_memory_allocated() / 1e9 if torch.cuda.is_available() else 0.0, start_s=got["start"],
        mfu=(4 if name.endswith("-lora") else 6) * weights * median / 1e12 / peak,
        first_loss=got["first"], last_loss=got["last"],
    )  # fmt: skip


def table(results: list[Result]) -> str:
    lines = [
        "| model | rows | arm | real tok/s | low..high | supervised tok/s | against default | MFU | GB | first step s |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for r in results:
        base = next(
            (o.real_tokens_s for o in results if (o.model, o.mix, o.arm) == (r.model, r.mix, "default")), None
        )
        ratio = f"{r.real_tokens_s / base:.1f} x" if base else "-"
        lines.append(
            f"| {r.model} | {r.mix} | {r.arm} | {r.real_tokens_s:,.0f} | {r.low:,.0f}..{r.high:,.0f} "
            f"| {r.supervised_tokens_s:,.0f} | {ratio} | {r.mfu:.1%} | {r.peak_gb:.1f} | {r.start_s:.0f} |"
        )
    return "\n".join(lines)


def main() -> None:
    cuda = torch.cuda.is_available()
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument(
        "--models", default="135m" if cuda else "tiny", help=f"of {', '.join(SHAPES)}; NAME-lora"
    )
    ask.add_argument("--mixes", default="short", help="short, mid, or a row length")
    ask.add_argument("--arms", default=",".join(ARMS))
    ask.add_argument("--budget", type=int, default=65_536 if cuda else 2_048, help="tokens of a batch")
    ask.add_argument("--warm", type=int, default=6 if cuda else 2, help="steps before the clock starts")
    ask.add_argument("--window", type=int, default=10 if cuda else 4, help="steps of a timed window")
    ask.add_argument("--windows", type=int, default=3)
    ask.add_argument("--supervised", type=float, default=0.6, help="share of each row that carries loss")
    ask.add_argument(
        "--tuned-rows", type=int, help="rows of a batch of `tuned`; default: what two budgets hold"
    )
    ask.add_argument("--no-compile", dest="compile", action="store_false", default=cuda)
    ask.add_argument("--checkpointing", action="store_true", help="in ours and in the loop")
    ask.add_argument("--profile", action="store_true", help="where the loop's last window goes, by kernel")
    ask.add_argument("--out", type=Path, default=ROOT / "runs" / "bench" / "train.json")
    options = ask.parse_args()
    options.device = "cuda" if cuda else "cpu"
    if not cuda:
        torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    warnings.filterwarnings("ignore")
    peak = matmul_tflops()
    device = torch.cuda.get_device_name() if cuda else f"{platform.processor() or 'CPU'}, 1 thread"
    print(f"{device}, torch {torch.__version__}; matrix product {peak:,.2f} TFLOP/s", flush=True)
    results: list[Result] = []
    parities: dict[str, dict[str, float]] = {}
    for name in options.models.split(","):
        vocabulary = SHAPES[name.removesuffix("-lora")][5]
        for mix in options.mixes.split(","):
            tokens = options.budget * (options.warm + options.window * options.windows + 2)
            rows = rows_of(mix, tokens, vocabulary, options.supervised)
            if name not in parities and not name.startswith("8b"):
                parities[name] = parity(name, rows, options)
                print(name, "parity", parities[name], flush=True)
                free()
            for arm in options.arms.split(","):
                try:
                    result = measure(name, mix, arm, rows, peak, options)
                except torch.OutOfMemoryError:
                    print(f"{name} {mix} {arm}: out of memory", flush=True)
                    result = None
                if result is None:
                    free()
                    continue
                results.append(result)
                print(
                    json.dumps(
                        {k: round(v, 4) if isinstance(v, float) else v for k, v in asdict(result).items()}
                    )
                )
                sys.stdout.flush()
                free()
                options.out.parent.mkdir(parents=True, exist_ok=True)
                kept = {"device": device, "torch": torch.__version__, "tflops": peak, "parity": parities}
                kept["options"] = {k: str(v) for k, v in vars(options).items()}
                options.out.write_text(
                    json.dumps({**kept, "results": [asdict(r) for r in results]}, indent=1)
                )
    print("\n" + table(results))


if __name__ == "__main__":
    main()
