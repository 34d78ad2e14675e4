"""The plain-Python meaning of words, shingles and clusters, against which the compiled code is tested."""

from __future__ import annotations

import itertools
import json
import random
import unicodedata
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest


def words_of(text: str) -> list[str]:
    """Words of a text without operators and spaceless scripts, by the definition in `alphabet`."""
    text = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).lower())
    made = [""]
    for character in text:
        category = unicodedata.category(character)
        if category == "Cf" or "\ufe00" <= character <= "\ufe0f":
            continue
        if category[0] in "LMN" or character == "_":
            made[-1] += character
        else:
            made.append("")
    return [word for word in made if word]


def shingles_of(words: Sequence[str], ngram: int = 5) -> set[tuple[str, ...]]:
    if not words:
        return set()
    return {tuple(words[i : i + ngram]) for i in range(max(1, len(words) - ngram + 1))}


def jaccard_of(a: str, b: str, ngram: int = 5) -> float:
    x, y = shingles_of(words_of(a), ngram), shingles_of(words_of(b), ngram)
    return len(x & y) / len(x | y) if x | y else 0.0


def pairs_of(texts: Sequence[str], threshold: float, ngram: int = 5) -> dict[tuple[int, int], float]:
    """All pairs at or above the threshold, by comparing every two that share a shingle."""
    sets = [shingles_of(words_of(text), ngram) for text in texts]
    holders: dict[tuple[str, ...], list[int]] = {}
    for row, shingles in enumerate(sets):
        for shingle in shingles:
            holders.setdefault(shingle, []).append(row)
    met = {pair for rows in holders.values() for pair in itertools.combinations(rows, 2)}
    scored = {(a, b): len(sets[a] & sets[b]) / len(sets[a] | sets[b]) for a, b in met}
    return {pair: score for pair, score in scored.items() if score >= threshold}


def clusters_of(n: int, pairs: Sequence[tuple[int, int]]) -> list[int]:
    """The lowest row of each row's cluster."""
    cluster = list(range(n))
    changed = True
    while changed:
        changed = False
        for a, b in pairs:
            low = min(cluster[a], cluster[b])
            changed |= cluster[a] != low or cluster[b] != low
            cluster[a] = cluster[b] = low
    return cluster


def edited(text: str, words: int, rng: random.Random) -> str:
    """`text` with `words` words replaced."""
    parts = text.split()
    for at in rng.sample(range(len(parts)), min(words, len(parts))):
        parts[at] = f"edit{rng.randrange(10**6)}"
    return " ".join(parts)


@pytest.fixture(scope="session")
def reference() -> dict[str, Callable[..., object]]:
    return {
        "words": words_of,
        "shingles": shingles_of,
        "jaccard": jaccard_of,
        "pairs": pairs_of,
        "clusters": clusters_of,
        "edited": edited,
    }


@pytest.fixture(scope="session")
def real_texts(shared_data: Path) -> list[str]:
    """800 real answers and 600 edits of them, some far, some near, in a mixed order."""
    path = shared_data / "sft_gpteacher" / "Roleplay" / "roleplay-simple-deduped-roleplay-instruct.json"
    texts = [row["response"] for row in json.loads(path.read_text(encoding="utf-8"))][:800]
    rng = random.Random(5)
    made = [edited(rng.choice(texts[:400]), rng.randrange(0, 9), rng) for _ in range(600)]
    mixed = texts + made
    rng.shuffle(mixed)
    return mixed


@pytest.fixture(scope="session")
def real_pairs(real_texts: list[str]) -> dict[tuple[int, int], float]:
    """All pairs of `real_texts` at 0.6 or above, by brute force."""
    return pairs_of(real_texts, 0.6)
