"""Which words of a text differ from another text."""

from __future__ import annotations

import difflib
import re

# Longer texts are compared up to this word: the matcher is quadratic at worst.
MAX_WORDS = 1_500


def spans(reference: str, text: str) -> tuple[list[tuple[str, bool]], list[tuple[str, bool]]]:
    """(reference, text) as runs of (piece, differs); the pieces of each joined give it back.

    Words are compared as written, white space goes with the word before it and never counts as a difference.
    """
    left, right = re.findall(r"\S+\s*|\s+", reference), re.findall(r"\S+\s*|\s+", text)
    matcher = difflib.SequenceMatcher(
        None, [w.strip() for w in left[:MAX_WORDS]], [w.strip() for w in right[:MAX_WORDS]], autojunk=False
    )
    out_left: list[tuple[str, bool]] = []
    out_right: list[tuple[str, bool]] = []
    for tag, a, b, c, d in matcher.get_opcodes():
        out_left += [("".join(left[a:b]), tag != "equal")] if b > a else []
        out_right += [("".join(right[c:d]), tag != "equal")] if d > c else []
    for pieces, words in ((out_left, left), (out_right, right)):
        if rest := "".join(words[MAX_WORDS:]):
            pieces.append((rest, False))
    return out_left, out_right


def marked(texts: list[str]) -> list[list[tuple[str, bool]]]:
    """Every text of `texts` against the first; of two texts the first is marked too."""
    pairs = [spans(texts[0], text) for text in texts[1:]]
    first = pairs[0][0] if len(texts) == 2 else [(texts[0], False)]
    return [first, *(pair[1] for pair in pairs)]
