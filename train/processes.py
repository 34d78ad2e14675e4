"""Several processes that train one model together, as `accelerate launch` or `torchrun` start them.

Every process reads the same rows from the store and computes on its share of each batch. The first one alone judges,
forecasts, prints, and writes: the store, the run's folder, the weights. What it found is handed to the others.
"""

# accelerate is not typed.
# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, TypeVar

from rich.console import Console

Value = TypeVar("Value")


def count() -> int:
    """How many processes train together; 1 where none were launched."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def is_first() -> bool:
    """Whether this process is the one that writes."""
    return int(os.environ.get("RANK", "0")) == 0


def share_weights() -> bool:
    """Whether no process holds the whole model (FSDP, DeepSpeed), as `accelerate launch` was told."""
    return any(os.environ.get(f"ACCELERATE_USE_{name}", "false") == "true" for name in ("FSDP", "DEEPSPEED"))


def join() -> None:
    """Let the processes find one another: over NCCL on GPUs, over gloo on CPUs. Nothing where there is one."""
    if count() > 1:
        import torch
        from accelerate import PartialState

        PartialState(cpu=not torch.cuda.is_available())


def first_then_others(work: Callable[[], Value]) -> Value:
    """`work` in every process, in the first one before the others: what it makes, they find made."""
    if count() == 1 or is_first():
        made = work()
        _wait()
        return made
    _wait()
    return work()


def from_first(work: Callable[[], Value]) -> Value:
    """`work` in the first process only; its value, which has to be picklable, in every one."""
    if count() == 1:
        return work()
    from accelerate.utils import broadcast_object_list

    held: list[Any] = [work() if is_first() else None]
    value: Value = broadcast_object_list(held)[0]
    return value


def console() -> Console:
    """Where a command says what it does: stderr for the first process, nowhere for the others."""
    return Console(stderr=True, quiet=not is_first())


def any_asked(asked: bool) -> bool:
    """Whether any process was asked to end; all have to come here."""
    if count() == 1:
        return asked
    import torch
    import torch.distributed as together

    device = "cuda" if torch.cuda.is_available() else "cpu"
    flag = torch.tensor([int(asked)], device=device)
    together.all_reduce(flag, op=together.ReduceOp.MAX)
    return bool(flag.item())


def _wait() -> None:
    if count() > 1:
        from accelerate import PartialState

        PartialState().wait_for_everyone()
