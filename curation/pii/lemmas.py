"""What spaCy's lemma of a word can be, whatever the word's part of speech turns out to be.

The rule lemmatiser takes the word itself, in lower case or not, or what its tables of endings and exceptions make of it
for the word's part of speech; the attribute ruler has lemmas for some words. All of these are known without a tagger.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

TABLES = ("lemma_rules", "lemma_exc")
KEPT_WORDS = 100_000


class Lemmas:
    """Possible lemmas. AttributeError, KeyError or ValueError where a pipeline makes lemmas in another way."""

    def __init__(self, nlp: Any) -> None:
        lemmatizer = nlp.get_pipe("lemmatizer")
        if (
            lemmatizer.mode != "rule"
            or lemmatizer.overwrite
            or type(lemmatizer).__name__ != "EnglishLemmatizer"
        ):
            raise ValueError("another lemmatiser")
        rules, exceptions = (lemmatizer.lookups.get_table(name) for name in TABLES)
        self._endings = [(old, new) for table in rules.values() for old, new in table]
        self._exceptions: list[Mapping[str, list[str]]] = list(exceptions.values())
        self._ruled: list[tuple[re.Pattern[str], str]] = list(
            _ruled(nlp.get_pipe("attribute_ruler").patterns)
        )
        self._known: dict[str, frozenset[str]] = {}

    def of(self, word: str) -> frozenset[str]:
        """Every lemma that a token with this text can get."""
        if word not in self._known:
            if len(self._known) >= KEPT_WORDS:
                self._known.clear()
            self._known[word] = frozenset(self._possible(word))
        return self._known[word]

    def _possible(self, word: str) -> Iterator[str]:
        low = word.lower()
        yield word
        yield low
        for old, new in self._endings:
            if low.endswith(old):
                yield low[: len(low) - len(old)] + new
        for table in self._exceptions:
            yield from table.get(low, ())
        for words, lemma in self._ruled:
            if words.search(low):
                yield lemma

    def hidden(self, part: str) -> bool:
        """Whether a lemma can hold `part` where the word does not hold it, without e and y at its end."""
        stem = part.rstrip("ey")
        if any(part in lemma for _, lemma in self._ruled):
            return True
        for table in self._exceptions:
            if any(part in lemma and stem not in form for form, lemmas in table.items() for lemma in lemmas):
                return True
        return any(
            not old.startswith(new[:n]) and new[:n].strip("ey") and part.endswith(new[:n])
            for old, new in self._endings
            for n in range(1, len(new) + 1)
        )


def _ruled(patterns: list[dict[str, Any]]) -> Iterator[tuple[re.Pattern[str], str]]:
    """The words that the attribute ruler gives a lemma to, each as a pattern on the word in lower case."""
    for entry in patterns:
        if "LEMMA" not in entry["attrs"]:
            continue
        for pattern in entry["patterns"]:
            words = pattern[entry["index"]]["LOWER"]
            if isinstance(words, str):
                yield re.compile(rf"^{re.escape(words)}$"), entry["attrs"]["LEMMA"]
            elif set(words) == {"IN"}:
                yield re.compile(rf"^(?:{'|'.join(map(re.escape, words['IN']))})$"), entry["attrs"]["LEMMA"]
            elif set(words) == {"REGEX"}:
                yield re.compile(words["REGEX"]), entry["attrs"]["LEMMA"]
            else:
                raise ValueError("a lemma for other words")
