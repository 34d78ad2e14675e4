"""Training speed side by side: ours, TRL's defaults, TRL tuned by hand, and a loop written by hand.

    python tests/bench/bench_train.py                                        # a small model on a CPU
    python tests/bench/bench_train.py --models 135m --mixes short            # on a GPU: all arms
    python tests/bench/bench_train.py --models 1.7b,8b-lora --mixes 4096 --arms ours,loop

Every arm gets the same random-initialised weights, the same rows as token lists, AdamW with the same settings, and
trains in this process one after the other. Before the clocks start, parity: our first loss and gradient against the
padded batch of the same rows through the model's own loss, and a row's outputs while its neighbour is changed; with
--curve 200 both train on the same batches for so many steps.

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

from tests.bench.train_arms import (  # noqa: E402
    LR,
    SHAPES,
    make_model,
    rows_of,
    summary,
    synchronise,
    train_by_hand,
    train_with_trl,
)
from train.attention import packed_attention  # noqa: E402
from train.packing import IGNORED, collate  # noqa: E402
from train.trainer import cross_entropy_sum  # noqa: E402

console = partial(print, flush=True)

ARMS = ("ours", "loop", "tuned", "default")


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


def padded_loss(model: Any, part: list[dict[str, Any]], device: str) -> Any:
    """The model's own loss of these rows in one padded batch."""
    longest = max(len(row["input_ids"]) for row in part)
    padded: dict[str, list[Any]] = {"input_ids": [], "labels": [], "attention_mask": []}
    for row in part:
        missing = longest - len(row["input_ids"])
        padded["input_ids"].append(np.pad(row["input_ids"], (0, missing)))
        padded["labels"].append(np.pad(row["labels"], (0, missing), constant_values=IGNORED))
        padded["attention_mask"].append(np.arange(longest) < longest - missing)
    given = {k: torch.tensor(np.stack(v), device=device).long() for k, v in padded.items()}
    with torch.autocast("cuda", torch.bfloat16, enabled=device == "cuda"):
        return model(**given).loss


def packed_logits(model: Any, part: list[dict[str, Any]], device: str) -> tuple[Any, Any, Any]:
    """Logits of these rows packed, their targets, and which row each is of."""
    batch = {k: v.to(device) if torch.is_tensor(v) else v for k, v in collate(part).items()}
    targets, _ = batch.pop("targets"), (batch.pop("labels"), batch.pop("tokens"))
    with packed_attention(model), torch.autocast("cuda", torch.bfloat16, enabled=device == "cuda"):
        logits = model(**batch, use_cache=False).logits[0]
    row = torch.searchsorted(batch["cu_seq_lens_q"], batch["logits_to_keep"].int(), right=True) - 1
    return logits, targets, row


def packed_loss(model: Any, part: list[dict[str, Any]], device: str) -> Any:
    """Our loss of these rows packed."""
    logits, targets, _ = packed_logits(model, part, device)
    return cross_entropy_sum(logits, targets, 0.0) / len(targets)


def parity(name: str, rows: list[dict[str, Any]], options: argparse.Namespace) -> dict[str, float]:
    """Packed against padded: difference of the first loss, cosine of the gradients, and what a neighbour changes."""
    some = [row for row in rows if len(row["input_ids"]) <= 1_024][:12] or rows[:2]
    model = make_model(name, options.device)
    reference = padded_loss(model, some, options.device)
    reference.backward()
    expected = [weight.grad.clone() for weight in model.parameters()]
    model.zero_grad()
    loss = packed_loss(model, some, options.device)
    loss.backward()
    cosine = min(
        torch.nn.functional.cosine_similarity(weight.grad.flatten(), wanted.flatten(), dim=0).item()
        for weight, wanted in zip(model.parameters(), expected, strict=True)
    )
    changed = [some[0], {**some[1], "input_ids": some[1]["input_ids"][::-1].copy()}, *some[2:]]
    with torch.no_grad():
        logits, _, row = packed_logits(model, some, options.device)
        other = packed_logits(model, changed, options.device)[0]
    leak = (logits - other).abs()[row != 1].max()
    return {
        "loss_difference": abs(loss.item() - reference.item()),
        "lowest_gradient_cosine": cosine,
        "neighbour_leak": leak.item(),
    }


def curve(name: str, rows: list[dict[str, Any]], options: argparse.Namespace) -> dict[str, float]:
    """The same batches packed and padded, `--curve` steps each: how far the losses of a step come apart."""
    sizes = np.cumsum([len(row["input_ids"]) for row in rows])
    batches = [
        [row for row, number in zip(rows, sizes // options.budget, strict=True) if number == wanted]
        for wanted in range(int(sizes[-1]) // options.budget)
    ]
    losses = []
    for loss_of in (packed_loss, padded_loss):
        model = make_model(name, options.device)
        optimiser = torch.optim.AdamW(model.parameters(), lr=LR)
        seen = []
        for step in range(options.curve):
            loss = loss_of(model, batches[step % len(batches)], options.device)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimiser.step()
            optimiser.zero_grad()
            seen.append(loss.item())
        losses.append(np.array(seen))
        del model, optimiser
        free()
    packed, padded = losses
    return {
        "steps": len(packed), "first_loss": float(packed[0]), "last_loss": float(packed[-1]),
        "largest_difference": float(np.abs(packed - padded).max()),
        "last_difference": float(abs(packed[-1] - padded[-1])),
    }  # fmt: skip


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
    hidden, inner, layers, heads, keys, vocabulary, _tied = SHAPES[name.removesuffix("-lora")]
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
        "| model | rows | arm | tok/s | low..high | supervised tok/s | against default | MFU | GB | first step s |",
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
    ask.add_argument("--curve", type=int, default=0, help="steps that packed and padded train side by side")
    ask.add_argument("--profile", action="store_true", help="where the loop's last window goes, by kernel")
    ask.add_argument("--out", type=Path, default=ROOT / "runs" / "bench" / "train.json")
    options = ask.parse_args()
    options.device = "cuda" if cuda else "cpu"
    if not cuda:
        torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    warnings.filterwarnings("ignore")
    peak = matmul_tflops()
    device = torch.cuda.get_device_name() if cuda else f"{platform.processor() or 'CPU'}, 1 thread"
    console(f"{device}, torch {torch.__version__}; matrix product {peak:,.2f} TFLOP/s")
    results: list[Result] = []
    parities: dict[str, dict[str, float]] = {}
    for name in options.models.split(","):
        vocabulary = SHAPES[name.removesuffix("-lora")][5]
        for mix in options.mixes.split(","):
            tokens = options.budget * (options.warm + options.window * options.windows + 2)
            rows = rows_of(mix, tokens, vocabulary, options.supervised)
            if name not in parities and not name.startswith("8b"):
                parities[name] = parity(name, rows, options)
                console(name, "parity", parities[name])
                free()
                if options.curve:
                    parities[name] |= curve(name, rows, options)
                    console(name, f"{options.curve} steps", parities[name])
            for arm in options.arms.split(","):
                try:
                    result = measure(name, mix, arm, rows, peak, options)
                except torch.OutOfMemoryError:
                    console(f"{name} {mix} {arm}: out of memory")
                    result = None
                if result is None:
                    free()
                    continue
                results.append(result)
                console(
                    json.dumps(
                        {k: round(v, 4) if isinstance(v, float) else v for k, v in asdict(result).items()}
                    )
                )
                free()
                options.out.parent.mkdir(parents=True, exist_ok=True)
                kept = {"device": device, "torch": torch.__version__, "tflops": peak, "parity": parities}
                kept["options"] = {k: str(v) for k, v in vars(options).items()}
                options.out.write_text(
                    json.dumps({**kept, "results": [asdict(r) for r in results]}, indent=1)
                )
    console("\n" + table(results))


if __name__ == "__main__":
    main()
