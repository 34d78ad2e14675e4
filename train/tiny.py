"""Tiny random models with a tokenizer of their own: they train in seconds and know nothing; for tests and dry runs.

`tiny` is a Llama, `tiny_bert` a BERT, `tiny_t5` a T5. What they learn shows that the mechanics work, and no more.
"""

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
# Positions: a decoder has room for rows of the default length and a learnt prompt before them.
CONTEXT = {"tiny": 2048, "tiny_bert": 1024}
_SHAPES: dict[str, dict[str, Any]] = {
    "tiny": {
        "hidden_size": 64,
        "intermediate_size": 160,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": CONTEXT["tiny"],
        "tie_word_embeddings": True,
    },
    "tiny_bert": {
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "max_position_embeddings": CONTEXT["tiny_bert"],
    },
    "tiny_t5": {"d_model": 64, "d_kv": 16, "d_ff": 128, "num_layers": 2, "num_heads": 4},
}
_SEED = 20  # of the random weights: part of what the model is, not of a run


def make_tiny(name: str, texts: Callable[[], Iterable[str]] | None, cache: Path) -> BaseModel:
    """The tiny model `name` for these texts, made once per distinct texts.

    100,000 to 200,000 parameters. Raises UserError when there are no texts to train the tokenizer on.
    """
    corpus = list(texts()) if texts is not None else []
    if not corpus:
        raise UserError(
            "the tiny model makes its tokenizer from the training texts, and there are none",
            f"load it by its run, or train first: python -m train model={name}",
        )
    folder = cache / f"{name}-{digest(canonical_json(corpus), hex_digits=12)}"
    if not folder.is_dir():
        with appearing(folder) as work, quiet():
            tokenizer = _tokenizer(name, corpus)
            tokenizer.save_pretrained(work)
            _model(name, tokenizer).save_pretrained(work)
            origin = {
                "source": "random weights and a tokenizer trained on the version's own texts",
                "licence": None,
                "weights_sha256": weights_digest(work),
            }
            (work / STAMP).write_text(json.dumps(origin, indent=1), encoding="utf-8")
    return stamped(folder, name)


def _tokenizer(name: str, corpus: list[str]) -> Any:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    from train.chat import CHATML

    byte_pairs = Tokenizer(models.BPE())
    byte_pairs.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    byte_pairs.decoder = decoders.ByteLevel()
    marks = {
        "tiny": ["<|pad|>", "<|im_start|>", "<|im_end|>"],
        "tiny_bert": ["[PAD]", "[CLS]", "[SEP]"],
        "tiny_t5": ["<pad>", "</s>"],
    }[name]
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=marks,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    byte_pairs.train_from_iterator(corpus, trainer)
    ends: dict[str, str] = {"bos_token": marks[1], "eos_token": marks[-1]}
    if name == "tiny_bert":
        ends = {"cls_token": marks[1], "sep_token": marks[2]}
        byte_pairs.post_processor = processors.TemplateProcessing(
            single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 1), ("[SEP]", 2)]
        )
    if name == "tiny_t5":
        ends = {"eos_token": marks[1]}
        byte_pairs.post_processor = processors.TemplateProcessing(
            single="$A </s>", special_tokens=[("</s>", 1)]
        )
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=byte_pairs, pad_token=marks[0], model_max_length=CONTEXT.get(name, 1024), **ends
    )
    if name == "tiny":
        tokenizer.chat_template = CHATML
    return tokenizer


def _model(name: str, tokenizer: Any) -> Any:
    import torch
    import transformers

    configured, made = {
        "tiny": ("LlamaConfig", "LlamaForCausalLM"),
        "tiny_bert": ("BertConfig", "BertModel"),
        "tiny_t5": ("T5Config", "T5ForConditionalGeneration"),
    }[name]
    ids = {"pad_token_id": tokenizer.pad_token_id, "eos_token_id": tokenizer.eos_token_id}
    ids |= {"decoder_start_token_id": tokenizer.pad_token_id} if name == "tiny_t5" else {}
    ids |= {"bos_token_id": tokenizer.bos_token_id} if name == "tiny" else {}
    config = getattr(transformers, configured)(vocab_size=len(tokenizer), **ids, **_SHAPES[name])
    with torch.random.fork_rng():
        torch.manual_seed(_SEED)
        return getattr(transformers, made)(config)
