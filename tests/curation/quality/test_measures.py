"""The compiled measures against plain Python."""

from __future__ import annotations

from collections import Counter

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.quality.measures import MEASURES, measures

WORDS = st.sampled_from(["a", "bb", "the", "Über", "12", "x."])
TEXTS = st.lists(st.tuples(WORDS, st.sampled_from([" ", " ", "\n", "\n\n", "  \n \n"]))).map(
    lambda parts: "".join(word + gap for word, gap in parts)
)


def reference(text: str) -> dict[str, float]:
    """Gopher's measures of a document, from its definitions."""
    words = text.split()
    sizes = [len(word.encode()) for word in words]
    total = sum(sizes)
    lines = [" ".join(line.split()) for line in text.split("\n")]
    paragraphs: list[list[str]] = [[]]
    for line in lines:
        if line:
            paragraphs[-1].append(line)
        elif paragraphs[-1]:
            paragraphs.append([])
    blocks = ["\n".join(p) for p in paragraphs if p]
    lines = [line for line in lines if line]
    found: dict[str, float] = {"words": len(words), "word_chars": total, "lines": len(lines)}
    found["letter_words"] = sum(any(c.isalpha() for c in word) for word in words)
    found["english_words"] = sum(word in ("a", "the") for word in words)
    for name, units in (("line", lines), ("paragraph", blocks)):
        again = [unit for n, unit in enumerate(units) if unit in units[:n]]
        found[f"{name}_fraction"] = len(again) / len(units) if units else 0.0
        found[f"{name}_chars"] = (
            sum(len("".join(u.split()).encode()) for u in again) / total if units else 0.0
        )
    for width in range(2, 11):
        grams = [tuple(words[n : n + width]) for n in range(len(words) - width + 1)]
        if width < 5:
            counts = Counter(grams)
            best = max(
                ((c, sum(len(w.encode()) for w in g)) for g, c in counts.items() if c > 1), default=(0, 0)
            )
            found[f"top_{width}"] = best[0] * best[1] / total if total else 0.0
        else:
            covered = {n + w for n, g in enumerate(grams) if g in grams[:n] for w in range(width)}
            found[f"repeat_{width}"] = sum(sizes[n] for n in covered) / total if total else 0.0
    return found


@settings(max_examples=150, deadline=None)
@given(st.lists(TEXTS, min_size=1, max_size=4))
def test_measures_equal_their_definitions(texts: list[str]) -> None:
    table = measures(pl.Series(texts, dtype=pl.String), pl.Series([True] * len(texts)))
    assert tuple(table.columns) == MEASURES
    for row, text in zip(table.to_dicts(), texts, strict=True):
        assert row == pytest.approx(reference(text))


def test_a_text_that_is_no_document_gets_the_cheap_measures_only() -> None:
    text = "one two three four five six " * 6
    row = measures(pl.Series([text]), pl.Series([False])).row(0, named=True)
    assert row["top_2"] == row["repeat_9"] == 0
    assert row["repeat_10"] == pytest.approx(reference(text)["repeat_10"])
