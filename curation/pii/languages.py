"""Which texts are in a language that the models were not made for. Only a flag: nothing is skipped for it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from curation.languages import identifier
from curation.pii.wordlists import words_of

# On a text shorter than this, or with fewer words, a guess is worth little.
FEWEST_CHARS = 80
FEWEST_WORDS = 15
SUREST = 0.95
READ_CHARS = 2_000
ENGLISH_SHARE = 0.12  # of these words in a text, from which it is taken for English without a closer look
_ENGLISH = words_of(
    "the of and to a in is that it for on with as was be by at this are from or you have not an they which"
)
_CODE_BLOCK = re.compile(r"```.*?(?:```|\Z)", re.DOTALL)
_WORD = re.compile(r"[^\W\d_]+")


def other_language(texts: Sequence[str], languages: Sequence[str]) -> list[bool]:
    """Whether each text is, for 95 in 100, in a language that is not one of `languages` (two letters).

    Texts that are too short to tell are not flagged; blocks of code are not read.
    """
    return [_other(text, frozenset(languages)) for text in texts]


def _other(text: str, languages: frozenset[str]) -> bool:
    if len(text) < FEWEST_CHARS:
        return False
    prose = _CODE_BLOCK.sub(" ", text)[:READ_CHARS]
    words = _WORD.findall(prose.lower())
    if len(prose) < FEWEST_CHARS or len(words) < FEWEST_WORDS:
        return False
    if "en" in languages and sum(word in _ENGLISH for word in words) >= ENGLISH_SHARE * len(words):
        return False
    language, probability = identifier().classify(" ".join(words))
    return language not in languages and probability >= SUREST
