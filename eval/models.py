"""Asking a run's base and tuned model the same things, one after the other, from the same weights where it can be."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from data.runs import Run

Found = TypeVar("Found")
ROLES = ("base", "tuned")


def ask_both(run: Run, ask: Callable[[str, Any, Any], Found]) -> dict[str, Found]:
    """`ask(role, model, tokenizer)` for base and tuned.

    With an adapter there is one model in memory, and the base is what it is with the adapter switched off. A run that
    trained every weight has two models; the first is let go before the second is loaded.
    """
    from train.load import has_adapter, load_base, load_tuned

    if has_adapter(run):
        model, tokenizer = load_tuned(run)
        with model.disable_adapter():
            base = ask("base", model, tokenizer)
        return {"base": base, "tuned": ask("tuned", model, tokenizer)}
    return {"base": ask("base", *load_base(run)), "tuned": ask("tuned", *load_tuned(run))}
