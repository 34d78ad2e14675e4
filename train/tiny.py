"""A tiny random Llama with a tokenizer of its own: trains in seconds, knows nothing; for tests and dry runs."""

# transformers is typed in part only.
# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from data.errors import UserError
from data.records import canonical_json, digest
from train.models import STAMP, BaseModel, appearing, quiet, stamped, weights_digest

VOCABULARY = 800  # tokens; byte-level BPE, so that any text can be written
CONTEXT = 1024  # positions
_SHAPE: dict[str, Any] = {
    "hidden_size": 64,
    "intermediate_size": 160,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
}
_SEED = 20  # of the random weights: part of what the model is, not of a run


def make_tiny(texts: Callable[[], Iterable[str]] | None, cache: Path) -> BaseModel:
    """The tiny model for these texts, made once per distinct texts.

    About 150,000 parameters. Raises UserError when there are no texts to train the tokenizer on.
    """
    corpus = list(texts()) if texts is not None else []
    if not corpus:
        raise UserError(
            "the tiny model makes its tokenizer from the training texts, and there are none",
            "load it by its run, or train first: python -m train model=tiny",
        )
    folder = cache / f"tiny-{digest(canonical_json(corpus), hex_digits=12)}"
    if not folder.is_dir():
        with appearing(folder) as work, quiet():
            tokenizer = _tokenizer(corpus)
            tokenizer.save_pretrained(work)
            _model(len(tokenizer), tokenizer).save_pretrained(work)
            origin = {
                "source": "random weights and a tokenizer trained on the version's own texts",
                "licence": None,
                "weights_sha256": weights_digest(work),
            }
            (work / STAMP).write_text(json.dumps(origin, indent=1), encoding="utf-8")
    return stamped(folder, "tiny")


def _tokenizer(corpus: list[str]) -> Any:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    from train.chat import CHATML

    byte_pairs = Tokenizer(models.BPE())
    byte_pairs.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    byte_pairs.decoder = decoders.ByteLevel()
    marks = ["<|pad|>", "<|im_start|>", "<|im_end|>"]
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=marks,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    byte_pairs.train_from_iterator(corpus, trainer)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=byte_pairs,
        pad_token="<|pad|>",
        bos_token="<|im_start|>",
        eos_token="<|im_end|>",
        model_max_length=CONTEXT,
    )
    tokenizer.chat_template = CHATML
    return tokenizer


def _model(vocabulary: int, tokenizer: Any) -> Any:
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=vocabulary,
        max_position_embeddings=CONTEXT,
        tie_word_embeddings=True,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        **_SHAPE,
    )
    with torch.random.fork_rng():
        torch.manual_seed(_SEED)
        return LlamaForCausalLM(config)
