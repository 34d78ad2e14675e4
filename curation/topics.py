"""What the data is about: topics by clusters of embeddings, and pairs that mean the same in other words.

Nothing is removed for it: a person looks, and decides.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from rich.console import Console
from rich.table import Table

from curation.border import CHARS, compared
from curation.config import CurationConfig
from curation.embedding import embed
from data.commands import spelt
from data.errors import ConfigError, StoreError
from data.facts import Fact
from data.progress import progress
from data.records import drawn
from data.scrubbed import scrubbed
from data.store import Store

WORDS = 5
STORED_PAIRS = 200
SEED = 1


@dataclass(frozen=True, slots=True)
class Topics:
    """Topics of n texts, the largest first.

    topic      int64[n]  each text's topic
    words      what sets each topic apart, most first
    effective  exp of the Shannon entropy of the shares: as many equal topics would be as varied (1 to their number)
    """

    topic: np.ndarray
    words: list[list[str]]
    effective: float


def find_topics(texts: Sequence[str], vectors: np.ndarray, count: int) -> Topics:
    """k-means of the vectors into `count` clusters (fewer where there are fewer texts), described by their words."""
    from sklearn.cluster import KMeans

    count = min(count, len(np.unique(vectors.round(6), axis=0)))
    label = KMeans(count, n_init=4, random_state=SEED).fit_predict(vectors)
    largest = np.argsort(-np.bincount(label, minlength=count), kind="stable")
    topic = np.argsort(largest)[label]
    shares = np.bincount(topic, minlength=count) / len(topic)
    entropy = -sum(share * math.log(share) for share in shares.tolist() if share)
    return Topics(topic, _words(texts, topic, count), math.exp(entropy))


def _words(texts: Sequence[str], topic: np.ndarray, count: int) -> list[list[str]]:
    """The words of each topic by class-based tf-idf, tf log(1 + A / f), A the words a class (Grootendorst 2022)."""
    from sklearn.feature_extraction.text import CountVectorizer

    # Placeholders of personal data say nothing of the topic; a word has letters only.
    counter = CountVectorizer(
        stop_words="english",
        token_pattern=r"(?<![<\w])[^\W\d_]{3,}(?![>\w])",
        max_df=0.5 if len(texts) >= 20 else 1.0,  # what most texts hold says nothing of a topic
        max_features=20_000,
    )
    try:
        counts = counter.fit_transform(texts)
    except ValueError:  # no word at all
        return [[] for _ in range(count)]
    names = counter.get_feature_names_out()
    by_class = np.stack([np.asarray(counts[topic == t].sum(axis=0)).ravel() for t in range(count)]).astype(
        float
    )
    weight = by_class / np.maximum(by_class.sum(axis=1, keepdims=True), 1)
    weight *= np.log1p(by_class.sum() / count / by_class.sum(axis=0))
    best = np.argsort(-weight, axis=1, kind="stable")[:, :WORDS]
    return [[str(names[k]) for k in row if weight[t, k] > 0] for t, row in enumerate(best)]


def similar_pairs(vectors: np.ndarray, least: float) -> list[tuple[int, int, float]]:
    """Pairs of rows with a cosine similarity of `least` or more, the most similar first; each row once."""
    found: list[tuple[float, int, int]] = []
    for at in range(0, len(vectors), 512):
        cosine = vectors[at : at + 512] @ vectors.T
        rows, columns = np.nonzero(cosine >= least)
        keep = rows + at < columns
        found += zip(
            (-cosine[rows[keep], columns[keep]]).tolist(),
            (rows[keep] + at).tolist(),
            columns[keep].tolist(),
            strict=True,
        )
    pairs: list[tuple[int, int, float]] = []
    taken: set[int] = set()
    for negative, a, b in sorted(found):
        if not {a, b} & taken:
            pairs.append((a, b, -negative))
            taken |= {a, b}
    return pairs


def show_topics(store: Store, config: CurationConfig, console: Console) -> None:
    """Topics of a version as a table, its nearest pairs side by side, and both as facts for the audit."""
    version = store.resolve(config.topics.version)
    if not scrubbed(store.lineage(version)):
        raise StoreError(
            f"{version} was not scrubbed of personal data, and this shows texts",
            "python -m curation pii=presidio",
        )
    frame = drawn(store.read(version).frame("record_id", "split", "text").collect(), config.topics.rows, SEED)
    if frame.height < 2:
        raise ConfigError(f"{version} has {frame.height} records", "topics need two or more")
    texts = frame["text"].to_list()
    with progress("Embedding", total=len(texts)) as advance:
        vectors = embed(texts, config.topics.model, advance)
    topics = find_topics(texts, vectors, config.topics.count)
    pairs = similar_pairs(vectors, config.topics.similar)
    store.add_facts(facts_of(version, frame, topics, pairs, config))
    console.print(_table(frame, topics, version))
    console.print(
        f"as varied as {topics.effective:.1f} topics of equal size; drawn: {len(texts):,} records",
        highlight=False,
    )
    for a, b, cosine in pairs[: config.rows]:
        left, right = compared(texts[a][:CHARS], texts[b][:CHARS])
        table = Table(
            show_edge=False, pad_edge=False, expand=True, title_justify="left", title=f"cosine {cosine:.3f}"
        )
        for row in (a, b):
            table.add_column(str(frame["record_id"][row]), ratio=1)
        table.add_row(left, right)
        console.print(table)
    if pairs:
        said = "nothing was removed: whether both are wanted, a person decides; its story: python -m data why RECORD"
        console.print(spelt(said, config.store.path), style="dim", highlight=False, soft_wrap=True)
    else:
        console.print(f"no two of them have a cosine of {config.topics.similar} or more", highlight=False)


def _table(frame: pl.DataFrame, topics: Topics, version: str) -> Table:
    table = Table(title=f"Topics of {version}", title_justify="left", show_edge=False, pad_edge=False)
    table.add_column("topic", overflow="fold")
    for name in ("records", "share", "train", "test"):
        table.add_column(name, justify="right")
    of_split = {
        name: (frame["split"] == name).fill_null(value=False).to_numpy() for name in ("train", "test")
    }
    for number, words in enumerate(topics.words):
        inside = topics.topic == number
        shares = [f"{inside[rows].mean():.1%}" if rows.any() else "-" for rows in of_split.values()]
        table.add_row(", ".join(words) or "(no words)", f"{inside.sum():,}", f"{inside.mean():.1%}", *shares)
    return table


def facts_of(
    version: str,
    frame: pl.DataFrame,
    topics: Topics,
    pairs: Sequence[tuple[int, int, float]],
    config: CurationConfig,
) -> list[Fact]:
    """`topics_effective`, `semantic_pairs`, and a `topic_share` a topic; words, and the nearest pairs, in `detail`."""
    ids = frame["record_id"]
    n = frame.height
    common: dict[str, Any] = {
        "subject": version, "subject_kind": "version", "n": n,
        "method": "k-means of sentence embeddings of a keyed draw of records",
        "signature": _signature(config, n),
        "evidence": "python -m curation topics.version=" + version,
    }  # fmt: skip
    found = [
        Fact(name="topics_effective", value=topics.effective, unit="topics of equal size", **common),
        Fact(
            name="semantic_pairs", value=float(len(pairs)), unit="pairs", **common,
            detail={
                "least_cosine": config.topics.similar,
                "pairs": [[ids[a], ids[b], round(cosine, 4)] for a, b, cosine in pairs[:STORED_PAIRS]],
            },
        ),
    ]  # fmt: skip
    test = (frame["split"] == "test").fill_null(value=False).to_numpy()
    for number, words in enumerate(topics.words):
        inside = topics.topic == number
        found.append(
            Fact(
                name="topic_share", value=float(inside.mean()), unit="fraction", slice=f"topic={number + 1}", **common,
                detail={"words": words, "rows": int(inside.sum()), "test_rows": int(inside[test].sum())},
            )
        )  # fmt: skip
    return found


def _signature(config: CurationConfig, rows: int) -> str:
    model = config.topics.model or "all-MiniLM-L6-v2"
    return f"model:{model}|topics:{config.topics.count}|seed:{SEED}|rows:{rows}"
