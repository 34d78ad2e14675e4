"""The index of evaluation items that records are looked up in: built once a configuration."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from curation.decontaminate import suite
from curation.decontaminate.config import DecontaminateConfig
from curation.decontaminate.near import TEMPLATE_ITEMS, NearItems
from curation.decontaminate.words import folding
from curation.dedup import CODE
from data.errors import MissingPackage
from data.suites import files_read, items

_KEPT_INDEXES = 4


@dataclass(frozen=True, slots=True)
class Index:
    """Items and their hash tables.

    items     columns task, item, text: one row for each distinct normalised text (first in the order given)
    equal, anchor, gram, item_words   see `scan.scan`
    near      see `near.NearItems`; None without that rule
    """

    items: pl.DataFrame
    equal: Any
    anchor: Any
    gram: Any
    item_words: Any
    near: NearItems | None


_cache: OrderedDict[str, Index] = OrderedDict()


def fingerprint(config: DecontaminateConfig) -> str:
    """Digest (16 hex digits) of the settings, of every file of `suite` and `against`, and of dedup's code.

    Raises SourceError where a file is missing.
    """
    total = hashlib.sha256(repr((config.columns, config.ngram_words, config.near_threshold)).encode())
    total.update(repr((config.contain_words, config.contain_chars, config.equal_words)).encode())
    for name in sources(config):
        for path in files_read(name):
            total.update(f"{path.name}\0".encode() + path.read_bytes())
    for path in CODE if config.near_threshold else ():
        total.update(path.read_bytes())
    return total.hexdigest()[:16]


def sources(config: DecontaminateConfig) -> list[Path]:
    """What is compared with: the suite's files and those of `against`. Raises SourceError, ConfigError."""
    of_suite = suite.sources(config.suite) if config.suite else []
    return [*of_suite, *map(Path, config.against)]


def index_of(config: DecontaminateConfig) -> Index:
    """The index for `config`, from memory where the same files were indexed before."""
    key = fingerprint(config)
    if key not in _cache:
        _cache[key] = build(read_items(config), config)
        while len(_cache) > _KEPT_INDEXES:
            _cache.popitem(last=False)
    _cache.move_to_end(key)
    return _cache[key]


def read_items(config: DecontaminateConfig) -> pl.DataFrame:
    """The items of all `sources`; equal task names from different files get their folder's name."""
    read = [(path, items(path, config.columns or None)) for path in sources(config)]
    names = [name for _, frame in read for name in frame["task"].unique().to_list()]
    doubled = {name for name in names if names.count(name) > 1}
    folder = pl.col("task").is_in(doubled)
    return pl.concat(
        frame.with_columns(
            task=pl.when(folder).then(pl.format("{}/{}", pl.lit(path.parent.name), "task")).otherwise("task")
        )
        for path, frame in read
    )


def build(found: pl.DataFrame, config: DecontaminateConfig) -> Index:
    """The index of `found` (columns task, item, text)."""
    kernels = _kernels()
    data, offsets = buffers(found["text"])
    _, starts, wholes, _ = kernels.hash_words(data, offsets, folding())
    order = np.unique(wholes, return_index=True)[1]
    order = np.sort(order[np.diff(starts)[order] > 0])
    distinct = found[order]
    data, offsets = buffers(distinct["text"])
    hashes, starts, wholes, letters = kernels.hash_words(data, offsets, folding())
    length = np.diff(starts)
    n = len(length)

    equal = np.flatnonzero(length >= config.equal_words).astype(np.int64)
    wide = np.flatnonzero((length >= config.contain_words) & (letters >= config.contain_chars))
    return Index(
        distinct,
        (_table(kernels.fill, wholes[equal]), equal),
        _anchors(kernels, hashes, starts, wide, config.contain_words),
        _grams(kernels, hashes, starts, n, config.ngram_words),
        (hashes, starts),
        NearItems.of(distinct["text"].gather(wide), wide, config.near_threshold)
        if config.near_threshold
        else None,
    )


def _kernels() -> Any:
    try:
        from curation.decontaminate import kernels
    except ModuleNotFoundError as error:
        raise MissingPackage(
            f"decontaminate needs the package {error.name}, which is not installed",
            "pip install 'tuneproof[curation]', or decontaminate=off",
        ) from error
    return kernels


def buffers(texts: pl.Series) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """The Arrow buffers of a string series without nulls: (bytes, offsets (n + 1)). Nothing is copied."""
    array = texts.rechunk().to_arrow(compat_level=pl.CompatLevel.oldest())
    _, offsets, data = array.buffers()
    bounds = np.frombuffer(offsets, dtype=np.int64)[array.offset : array.offset + len(array) + 1]
    return np.frombuffer(data if data is not None else b"", dtype=np.uint8), bounds


def _table(fill: Callable[..., None], keys: NDArray[np.uint64]) -> Any:
    """(keys, indexes, filter) of an open-addressing table at most half full, for `kernels.lookup`."""
    size = 1 << max(4, int(2 * len(keys)).bit_length())
    table, slots = np.zeros(size, dtype=np.uint64), np.full(size, -1, dtype=np.int64)
    # 16 bytes a key, at most 4 MB: as much as stays in a core's cache.
    filter_bytes = np.zeros(min(1 << 22, 16 * size), dtype=np.uint8)
    fill(keys, table, slots, filter_bytes)
    return table, slots, filter_bytes


def _postings(
    kernels: Any, hashes: NDArray[np.uint64], starts: NDArray[np.int64], chosen: NDArray[np.int64], width: int
) -> pl.DataFrame:
    """Every window of the chosen items: hash, item, place (the window's first word)."""
    parts = [kernels.windows(hashes, starts[i], starts[i + 1], width) for i in chosen]
    sizes = np.array([len(part) for part in parts], dtype=np.int64)
    return pl.DataFrame(
        {
            "hash": np.concatenate(parts) if parts else np.empty(0, dtype=np.uint64),
            "item": np.repeat(chosen.astype(np.int64), sizes),
            "place": np.concatenate([np.arange(s) for s in sizes]) if parts else np.empty(0, dtype=np.int64),
        },
        schema={"hash": pl.UInt64, "item": pl.Int64, "place": pl.Int64},
    )


def _anchors(
    kernels: Any, hashes: NDArray[np.uint64], starts: NDArray[np.int64], wide: NDArray[np.int64], width: int
) -> Any:
    """For each item its rarest window: where a record holds that one, the whole item is compared.

    Rare windows keep the comparisons few where many items share their opening words.
    """
    windows = _postings(kernels, hashes, starts, wide, width)
    rarest = (
        windows.with_columns(items=pl.len().over("hash"))
        .sort("items", "item", "place")
        .unique("item", keep="first", maintain_order=True)
        .sort("hash", "item")
    )
    keys, offsets = _runs(rarest["hash"])
    return _table(kernels.fill, keys), offsets, _ints(rarest["item"]), _ints(rarest["place"])


def _grams(kernels: Any, hashes: NDArray[np.uint64], starts: NDArray[np.int64], n: int, width: int) -> Any:
    """Each n-gram's items, without the phrases of templates, and how many n-grams each item has.

    An n-gram that stands in more different items than TEMPLATE_ITEMS is a phrase of their template and no evidence of
    one of them.
    """
    grams = (
        _postings(kernels, hashes, starts, np.arange(n, dtype=np.int64), width)
        .unique(["hash", "item"])
        .filter(pl.len().over("hash") <= TEMPLATE_ITEMS)
        .sort("hash", "item")
    )
    keys, offsets = _runs(grams["hash"])
    an_item = np.bincount(grams["item"].to_numpy(), minlength=n).astype(np.int64)
    return _table(kernels.fill, keys), offsets, _ints(grams["item"]), an_item


def _runs(column: pl.Series) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """Distinct values of a sorted column, and where the run of each starts (n + 1)."""
    keys, first = np.unique(column.to_numpy(), return_index=True)
    return keys, np.append(first, len(column)).astype(np.int64)


def _ints(column: pl.Series) -> NDArray[np.int64]:
    return np.ascontiguousarray(column.to_numpy())
