"""Tokens of rows that were tokenised before: Arrow files in a folder, which a training maps into its memory.

A set of tokens has a folder of its own, named by a hash of all that decides them: the version's membership and the rows
of it, the tokenizer's files and its chat template, the task's settings, the code that makes tokens, and the packages
behind it. What only decides the order of the rows (packing, seed) is no part of it: packs are drawn anew every epoch
from the rows' lengths. Tokens are texts, so the store is told of the folder before anything is written to it, and a
purge or a person's request finds it (`data.places`).
"""

from __future__ import annotations

import hashlib
import importlib
import json
import os
import shutil
import time
from collections.abc import Callable
from dataclasses import asdict
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any

from data.errors import UserError
from data.places import Kind
from data.records import canonical_json, digest
from data.store import Store
from train.chat import Example
from train.config import TrainConfig
from train.models import appearing
from train.rows import Tokenised
from train.tasks import Task

ROWS, ABOUT = "tokens.arrow", "about.json"  # the dataset as an Arrow stream; everything else of a Tokenised
_CODE = ("rows", "chat", "classify_rows", "seq2seq_rows", "encoding", "tokens")  # modules that make tokens
_PACKAGES = ("tokenizers", "transformers", "jinja2")
_TOKENIZER = (".json", ".jinja", ".txt", ".model")  # endings of its files
_OTHERS = ("config.json", "generation_config.json", "origin.json", "model.safetensors.index.json")


def folder_of(config: TrainConfig) -> Path | None:
    """Where tokens are kept; None for nowhere."""
    if config.token_cache is None:
        return None
    beside = Path(config.store.path).expanduser().parent / "tokens"
    return (beside if config.token_cache == "auto" else Path(config.token_cache).expanduser()).absolute()


def key_of(
    config: TrainConfig, membership: str, frame: Any, tokenizer: Any, base: Path, labels: list[str]
) -> str:
    """32 hex digits for the tokens of `frame` (train.rows.COLUMNS), rows of a version of this membership digest."""
    rows = frame.select("record_id", "kind", "label").write_csv()
    task: dict[str, Any] = {"name": config.task.name.value, "max_length": config.task.max_length}
    if config.task.name is Task.seq2seq:
        task["max_answer"] = config.task.max_answer
    code = [Path(str(importlib.import_module(f"train.{name}").__file__)).read_bytes() for name in _CODE]
    parts = [
        membership, hashlib.sha256(rows.encode()).hexdigest(), tokenizer_digest(tokenizer, base), task, labels,
        hashlib.sha256(b"".join(code)).hexdigest(), [installed(name) for name in _PACKAGES],
    ]  # fmt: skip
    return digest(canonical_json(parts), hex_digits=32)


def tokenizer_digest(tokenizer: Any, folder: Path) -> str:
    """SHA-256 over the tokenizer's files in `folder`, and the chat template and special tokens in use."""
    whole = hashlib.sha256()
    for file in sorted(folder.iterdir()):
        if file.is_file() and file.suffix in _TOKENIZER and file.name not in _OTHERS:
            whole.update(f"{file.name}\0{file.stat().st_size}\0".encode() + file.read_bytes())
    whole.update(canonical_json([tokenizer.chat_template, tokenizer.all_special_tokens]).encode())
    return whole.hexdigest()


def kept(folder: Path) -> Tokenised | None:
    """What was kept in `folder`; None where nothing was, and where a file is cut short or was changed."""
    try:
        about = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
        with (folder / ROWS).open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != about.pop("sha256"):
                return None
        os.utime(folder / ABOUT)  # the least recently used go first where there are too many
        about["first"] = [Example(**example) for example in about["first"]]
        about["left_out"] = [(record_id, reason) for record_id, reason in about["left_out"]]
        return Tokenised(dataset=_mapped(folder), **about)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def keep(folder: Path, tokens: Tokenised) -> Tokenised:
    """Write `tokens` to `folder`, whole or not at all; returns them as they are read from there."""
    import pyarrow as pa

    shutil.rmtree(folder, ignore_errors=True)
    with appearing(folder) as work:
        table = tokens.dataset.with_format("arrow")[:]
        with pa.OSFile(str(work / ROWS), "wb") as sink, pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table)
        with (work / ROWS).open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        plain = {name: value for name, value in vars(tokens).items() if name != "dataset"}
        plain["first"] = [asdict(example) for example in tokens.first]
        (work / ABOUT).write_text(json.dumps({**plain, "sha256": sha256}), encoding="utf-8")
    return kept(folder) or tokens


def _mapped(folder: Path) -> Any:
    """The rows, which the system reads from the disk where they are needed."""
    from datasets import Dataset

    return Dataset.from_file(str(folder / ROWS))


def through(
    config: TrainConfig,
    keys: Callable[[], list[str]],
    makers: list[Callable[[], Tokenised]],
    say: Callable[[str], None],
    *,
    writes: bool = True,
) -> list[Tokenised]:
    """The tokens of each of `makers`, from the cache where they are in it under its key, else made and kept there.

    Without `writes` nothing is kept: of several processes the first one does it.
    """
    root = folder_of(config)
    if root is None:
        return [make() for make in makers]
    folders = [root / key for key in keys()]
    found = [kept(folder) for folder in folders]
    rows = sum(len(tokens) for tokens in found if tokens is not None)
    if rows:
        say(f"tokens from cache: {rows:,} rows in {root} (token_cache=null reads none)")
    if all(tokens is not None for tokens in found):
        return [tokens for tokens in found if tokens is not None]
    made = [tokens if tokens is not None else make() for tokens, make in zip(found, makers, strict=True)]
    if not writes:
        return made
    try:
        _tell(config, root)
        made = [
            tokens if was is not None or not len(tokens) else keep(folder, tokens)
            for folder, was, tokens in zip(folders, found, made, strict=True)
        ]
        trim(root, round(config.token_cache_gib * 1024**3), but=folders)
    except (UserError, OSError) as error:
        say(f"note: the tokens are not kept for the next training: {str(error).splitlines()[0]}")
    return made


def _tell(config: TrainConfig, root: Path) -> None:
    """Let the store know of the folder."""
    with Store.open(config.store.path, read_only=True) as store:
        if any((kind, path) == (Kind.tokens, root) for kind, path, _ in store.noted_places()):
            return
    with Store.open(config.store.path) as store:
        store.note_place(Kind.tokens.value, root)


def trim(root: Path, most: int, but: list[Path]) -> None:
    """Remove what was not used for longest until no more than `most` bytes are left; never the folders `but`.

    What a killed process left half written goes after a day.
    """
    for half in root.glob(".*.partial"):
        if time.time() - half.stat().st_mtime > 86_400:
            shutil.rmtree(half, ignore_errors=True)
    sizes = {
        folder: sum(file.stat().st_size for file in folder.iterdir())
        for folder in root.iterdir()
        if folder.is_dir() and (folder / ABOUT).is_file()
    }
    total = sum(sizes.values())
    for folder in sorted(sizes, key=lambda folder: (folder / ABOUT).stat().st_mtime):
        if total > most and folder not in but:
            shutil.rmtree(folder, ignore_errors=True)
            total -= sizes[folder]
