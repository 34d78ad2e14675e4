"""Attention over rows that lie end to end in one sequence: each token sees the earlier tokens of its own row only.

Registered with transformers' AttentionInterface as `packed`, so that any model that looks its attention up there can
use it. On a GPU from Ampere on, in half precision, it is one call of FlashAttention's variable-length kernel, which
PyTorch holds since 2.10 (`torch.nn.attention.varlen`); elsewhere each row goes through `scaled_dot_product_attention`
by itself. Neither builds a mask over the whole sequence, whose cost would grow with the square of its length.
"""

# transformers is typed in part only.
# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

NAME = "packed"


def can_pack(model: Any) -> bool:
    """Whether `model` computes the same numbers with packed rows.

    It needs a causal decoder that looks its attention function up, takes `logits_to_keep`, and has neither sliding
    windows nor capped scores nor dropout of scores, which the kernels here do not know.
    """
    inner = inner_model(model)
    config = inner.config.get_text_config()
    plain = (
        getattr(config, "sliding_window", None) is None
        and getattr(config, "attn_logit_softcapping", None) is None
        and set(getattr(config, "layer_types", None) or ["full_attention"]) == {"full_attention"}
        and not getattr(config, "attention_dropout", 0.0)
        and not getattr(config, "is_encoder_decoder", False)
    )
    looks_up = bool(getattr(inner, "_supports_attention_backend", False))
    return plain and looks_up and "logits_to_keep" in inspect.signature(inner.forward).parameters


def inner_model(model: Any) -> Any:
    """The transformers model inside a PEFT model, or the model itself."""
    return model.get_base_model() if hasattr(model, "get_base_model") else model


@contextmanager
def padded_attention(model: Any) -> Iterator[None]:
    """Within it `model` takes padded batches, also in the midst of a packed training."""
    inner = inner_model(model)
    before = inner.config._attn_implementation
    if before != NAME:
        yield
        return
    inner.set_attn_implementation("sdpa")
    try:
        yield
    finally:
        inner.set_attn_implementation(before)


@contextmanager
def packed_attention(model: Any) -> Iterator[None]:
    """Within it `model` takes packed batches, and no others; afterwards its attention is what it was."""
    from transformers import AttentionInterface

    AttentionInterface.register(NAME, attend)
    inner = inner_model(model)
    before = inner.config._attn_implementation
    inner.set_attn_implementation(NAME)
    try:
        yield
    finally:
        inner.set_attn_implementation(before)


def attend(
    module: Any,
    query: Any,
    key: Any,
    value: Any,
    attention_mask: Any = None,
    *,
    scaling: float | None = None,
    cu_seq_lens_q: Any = None,
    max_length_q: int | None = None,
    **_: Any,
) -> tuple[Any, None]:
    """One sequence (batch of 1) of packed rows through causal attention row by row.

    query (1, heads, tokens, size), key and value (1, key heads, tokens, size); `cu_seq_lens_q` (rows + 1,) int32: where
    each row begins, and the end; `max_length_q`: tokens of the longest row. Returns (1, tokens, heads, size).
    Raises ValueError for a batch that is not packed: it has no mask here, so its padding would be attended to.
    """
    if cu_seq_lens_q is None or max_length_q is None:
        raise ValueError("packed attention needs cu_seq_lens_q and max_length_q: this batch is not packed")
    if query.is_cuda and query.dtype.itemsize == 2 and query.shape[-1] % 8 == 0 and _has_kernel(query.device):
        return _varlen(query, key, value, cu_seq_lens_q, max_length_q, scaling), None
    return _row_by_row(query, key, value, cu_seq_lens_q, scaling), None


@cache
def _has_kernel(device: Any) -> bool:
    """Whether FlashAttention-2 runs on a GPU: NVIDIA's from Ampere on. A flash-attn wheel asks for the same."""
    import torch

    return torch.version.hip is None and torch.cuda.get_device_capability(device) >= (8, 0)


def _varlen(query: Any, key: Any, value: Any, starts: Any, longest: int, scaling: float | None) -> Any:
    from torch.nn.attention.varlen import varlen_attn

    rows = [part.squeeze(0).transpose(0, 1) for part in (query, key, value)]
    options: dict[str, Any] = dict(_causal())
    # The kernel shares key heads between query heads by itself; since PyTorch 2.12 it wants to be told so.
    if query.shape[1] != key.shape[1] and "enable_gqa" in _parameters():
        options["enable_gqa"] = True
    if "scale" in _parameters():
        options["scale"] = scaling
    kernel: Any = varlen_attn  # its parameters differ between releases
    return kernel(*rows, starts, starts, longest, longest, **options).unsqueeze(0)


@cache
def _parameters() -> frozenset[str]:
    from torch.nn.attention.varlen import varlen_attn

    return frozenset(inspect.signature(varlen_attn).parameters)


@cache
def _causal() -> tuple[tuple[str, Any], ...]:
    # Until PyTorch 2.10 a flag, later a window without anything to the right.
    return (("window_size", (-1, 0)),) if "window_size" in _parameters() else (("is_causal", True),)


def _row_by_row(query: Any, key: Any, value: Any, starts: Any, scaling: float | None) -> Any:
    import torch
    from torch.nn.functional import scaled_dot_product_attention

    lengths = starts.diff().tolist()
    parts = [part.split(lengths, dim=2) for part in (query, key, value)]
    grouped = query.shape[1] != key.shape[1]
    out = [
        scaled_dot_product_attention(q, k, v, is_causal=True, scale=scaling, enable_gqa=grouped)
        for q, k, v in zip(*parts, strict=True)
        if q.shape[2]
    ]
    return torch.cat(out, dim=2).transpose(1, 2).contiguous()
