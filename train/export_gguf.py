"""A Llama-kind model as GGUF, the format of llama.cpp and of what is built on it, in half precision.

The matrices of queries and keys are reordered: llama.cpp rotates neighbouring pairs of numbers, transformers the two
halves of a head. Written by the `gguf` package and read again by transformers for the check.
"""

# transformers is typed in part only.
# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

import io
import json
from contextlib import redirect_stderr
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from data.errors import UserError
from train.models import quiet

# How llama.cpp cuts a text before byte pairs are merged, by the kinds of the steps in tokenizer.json.
_PRE = {("ByteLevel",): "gpt-2", ("Digits", "ByteLevel"): "smollm"}
_LLAMA3 = "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}"


def why_not(model: Any, tokenizer: Any) -> str | None:
    """Why this model is not written as GGUF here; None where it is."""
    if find_spec("gguf") is None:
        return "the package gguf is not installed (pip install gguf)"
    if model.config.model_type != "llama":
        return f"it is written for Llama-kind models, and this is a {model.config.model_type} model"
    if _rope(model.config).get("rope_type", "default") != "default":
        return "the scaling of its positions is not written here: convert_hf_to_gguf.py of llama.cpp can"
    if _merges(tokenizer) is None:
        return "its tokenizer is not of the byte-pair kind that is written here"
    return None


def write_gguf(model: Any, tokenizer: Any, path: Path) -> str:
    """Write `model` and `tokenizer` to `path` in half precision; returns the name of the pre-tokeniser noted."""
    from gguf import GGUFWriter, LlamaFileType
    from gguf.constants import MODEL_ARCH
    from gguf.tensor_mapping import get_tensor_name_map

    shape = model.config
    writer = GGUFWriter(str(path), "llama")
    writer.add_name(path.parent.name)
    writer.add_block_count(shape.num_hidden_layers)
    writer.add_context_length(shape.max_position_embeddings)
    writer.add_embedding_length(shape.hidden_size)
    writer.add_feed_forward_length(shape.intermediate_size)
    writer.add_head_count(shape.num_attention_heads)
    writer.add_head_count_kv(shape.num_key_value_heads)
    writer.add_layer_norm_rms_eps(shape.rms_norm_eps)
    writer.add_rope_freq_base(float(_rope(shape).get("rope_theta", 10_000.0)))
    writer.add_rope_dimension_count(shape.head_dim)
    writer.add_vocab_size(shape.vocab_size)
    writer.add_file_type(LlamaFileType.MOSTLY_F16)
    pre = _add_tokenizer(writer, tokenizer, shape.vocab_size)
    names = get_tensor_name_map(MODEL_ARCH.LLAMA, shape.num_hidden_layers)
    heads = {"q_proj": shape.num_attention_heads, "k_proj": shape.num_key_value_heads}
    for name, weight in model.state_dict().items():
        if name == "lm_head.weight" and shape.tie_word_embeddings:
            continue
        values = weight.float().cpu().numpy()
        layer = name.removesuffix(".weight").rpartition(".")[2]
        if layer in heads:
            values = rotated_by_pairs(values, heads[layer])
        # Vectors (norms) are read as float32 by llama.cpp.
        kept = values if values.ndim == 1 else values.astype(np.float16)
        mapped = names.get_name(name, try_suffixes=(".weight", ".bias"))
        if mapped is None:
            raise UserError(
                f"the weight {name} has no name in GGUF", "the safetensors are complete without it"
            )
        writer.add_tensor(mapped, kept)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return pre


def rotated_by_pairs(weight: Any, heads: int) -> Any:
    """The rows of each head of `weight` (heads x size, inputs) reordered from halves (0, n/2, ...) to pairs."""
    return weight.reshape(heads, 2, weight.shape[0] // heads // 2, -1).swapaxes(1, 2).reshape(weight.shape)


def open_gguf(path: Path) -> Any:
    """The model in a GGUF file, read by transformers in float32, in eval mode."""
    import torch
    from transformers import AutoModelForCausalLM, GgufConfig

    with quiet(), redirect_stderr(io.StringIO()):
        model: Any = AutoModelForCausalLM.from_pretrained(
            str(path.parent),
            gguf_file=path.name,
            quantization_config=GgufConfig(dequantize=True),
            dtype=torch.float32,
        )
    return model.eval()


def _add_tokenizer(writer: Any, tokenizer: Any, size: int) -> str:
    from gguf import TokenType

    described = json.loads(tokenizer.backend_tokenizer.to_str())
    special = {entry["id"]: entry["special"] for entry in described["added_tokens"]}
    known = {number: token for token, number in tokenizer.get_vocab().items()}
    tokens, types = [], []
    for number in range(size):
        tokens.append(known.get(number, f"[PAD{number}]"))
        if number not in known:
            types.append(TokenType.UNUSED)
        elif number in special:
            types.append(TokenType.CONTROL if special[number] else TokenType.USER_DEFINED)
        else:
            types.append(TokenType.NORMAL)
    pre = _pre_tokeniser(described)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(pre)
    writer.add_token_list(tokens)
    writer.add_token_types(types)
    writer.add_token_merges([" ".join(merge) for merge in _merges(tokenizer) or []])
    for add, number in (
        (writer.add_bos_token_id, tokenizer.bos_token_id),
        (writer.add_eos_token_id, tokenizer.eos_token_id),
        (writer.add_pad_token_id, tokenizer.pad_token_id),
    ):
        if number is not None:
            add(number)
    writer.add_add_bos_token(False)  # the chat template writes what begins a conversation
    if tokenizer.chat_template:
        writer.add_chat_template(tokenizer.chat_template)
    return pre


def _merges(tokenizer: Any) -> list[list[str]] | None:
    """The pairs of a byte-level byte-pair tokenizer in their order; None for another kind."""
    described = json.loads(tokenizer.backend_tokenizer.to_str())
    steps = _steps(described.get("pre_tokenizer"))
    if described["model"].get("type") != "BPE" or not any(step["type"] == "ByteLevel" for step in steps):
        return None
    return [merge.split(" ") if isinstance(merge, str) else merge for merge in described["model"]["merges"]]


def _steps(pre_tokenizer: dict[str, Any] | None) -> list[dict[str, Any]]:
    if pre_tokenizer is None:
        return []
    return list(pre_tokenizer["pretokenizers"]) if pre_tokenizer["type"] == "Sequence" else [pre_tokenizer]


def _pre_tokeniser(described: dict[str, Any]) -> str:
    steps = _steps(described["pre_tokenizer"])
    if any(_LLAMA3 in json.dumps(step.get("pattern", "")).replace("\\\\", "\\") for step in steps):
        return "llama-bpe"
    return _PRE.get(tuple(step["type"] for step in steps), "default")


def _rope(shape: Any) -> dict[str, Any]:
    return dict(getattr(shape, "rope_parameters", None) or {})
