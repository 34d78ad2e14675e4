"""A finding, and the rules that make a list of findings fit to mask with."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

import polars as pl

from curation.pii.config import ENTITIES


class Finding(NamedTuple):
    """A stretch of text, in characters [start, end), that looks like `type` with confidence `score` (0 to 1)."""

    type: str
    start: int
    end: int
    score: float


# Plain, with a number (`numbered`), or with a hash (`hash`, `pseudonym`).
PLACEHOLDER = re.compile(rf"<({'|'.join(ENTITIES)})(?:_(\d+|[0-9a-f]{{12}}))?>")
NAME_TYPES = frozenset({"PERSON", "LOCATION", "NRP", "ORGANIZATION"})

# What a name of a person or a place does not hold: operators, a call `f(`, an attribute `a.b`, a digit without a
# capital. Measured: see DEFAULT_ENTITIES; recall of PERSON on pii_presidio_synth_v2 goes from .641 to .636.
CODE = re.compile(r"[{}\[\]<>=;\\_$|~+*^]|\w\(|[a-z]\.[a-z]{2}|^[^A-Z]*\d[^A-Z]*$")


OTHER_SCRIPT_FRACTION = 0.5


def other_script(texts: Sequence[str]) -> list[bool]:
    """Whether most letters of a text are not Latin, so that a model of English sees names where none are."""
    if not texts or all(map(str.isascii, texts)):
        return [False] * len(texts)
    series = pl.Series(texts, dtype=pl.String)
    letters, latin = series.str.count_matches(r"\p{L}"), series.str.count_matches(r"\p{Latin}")
    return (latin < letters * OTHER_SCRIPT_FRACTION).to_list()


def without_names(findings: Iterable[Finding]) -> list[Finding]:
    """The findings less names of persons, places and groups."""
    return [f for f in findings if f.type not in NAME_TYPES]


def without_code(text: str, findings: Iterable[Finding]) -> list[Finding]:
    """The findings less names that look like program code (`arr.sort(`)."""
    return [f for f in findings if f.type not in NAME_TYPES or not CODE.search(text[f.start : f.end])]


def outside_placeholders(text: str, findings: Sequence[Finding], own: Sequence[str] = ()) -> list[Finding]:
    """The parts of the findings outside placeholders, so that no placeholder is found again.

    A finding around a placeholder is cut at it; a part without a letter or digit, or of a single one, is left out.
    `own` are types of the user's besides ENTITIES.
    """
    pattern = _placeholder(tuple(own)) if own else PLACEHOLDER
    taken = [m.span() for m in pattern.finditer(text)] if "<" in text else []
    if not taken or not findings:
        return list(findings)
    free: list[Finding] = []
    for finding in findings:
        inside = [(a, b) for a, b in taken if a < finding.end and finding.start < b]
        if not inside:
            free.append(finding)
            continue
        edges = [finding.start, *(edge for span in inside for edge in span), finding.end]
        parts = (
            finding._replace(start=a, end=b) for a, b in zip(edges[::2], edges[1::2], strict=True) if a < b
        )
        free += [part for part in (trimmed(text, part) for part in parts) if part.end - part.start > 1]
    return free


@lru_cache(maxsize=8)
def _placeholder(own: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile(
        rf"{PLACEHOLDER.pattern}|<(?:{'|'.join(map(re.escape, own))})(?:_(?:\d+|[0-9a-f]{{12}}))?>"
    )


def trimmed(text: str, finding: Finding) -> Finding:
    """The finding without anything but letters and digits at its ends; empty where there are none."""
    start, end = finding.start, finding.end
    while start < end and not text[start].isalnum():
        start += 1
    while end > start and not text[end - 1].isalnum():
        end -= 1
    return finding._replace(start=start, end=end)


def resolved(findings: Iterable[Finding]) -> list[Finding]:
    """Findings that do not overlap, in order of position.

    Where findings overlap the whole stretch is covered once (nothing that any recogniser found stays readable),
    under the type of the one with the higher score, then the longer, then the earlier, then the first by name.
    """
    merged: list[Finding] = []
    for finding in sorted(findings, key=lambda f: (f.start, -f.end, f.type, -f.score)):
        if not merged or finding.start >= merged[-1].end:
            merged.append(finding)
            continue
        last = merged[-1]
        best = min(last, finding, key=lambda f: (-f.score, f.start - f.end, f.start, f.type))
        merged[-1] = Finding(best.type, last.start, max(last.end, finding.end), best.score)
    return merged


def not_allowed(text: str, findings: list[Finding], allowed: frozenset[str]) -> list[Finding]:
    """Findings that hold a word outside `allowed` (case-folded words); punctuation around a word is ignored."""
    return [
        finding
        for finding in findings
        if not all(
            word.strip(".,:;!?\"'()").casefold() in allowed
            for word in text[finding.start : finding.end].split()
        )
    ]


def denied(text: str, words: Mapping[str, Sequence[str]]) -> list[Finding]:
    """Where one of `words` (type -> words) stands in the text as whole words, in any case."""
    return [
        Finding(kind, *match.span(), 1.0)
        for kind, listed in words.items()
        for match in _any_of(tuple(listed)).finditer(text)
    ]


@lru_cache(maxsize=64)
def _any_of(words: tuple[str, ...]) -> re.Pattern[str]:
    longest_first = sorted(
        (r"\s+".join(map(re.escape, word.split())) for word in words), key=len, reverse=True
    )
    return re.compile(rf"(?<!\w)(?:{'|'.join(longest_first)})(?!\w)", re.IGNORECASE)


CODE_BLOCK = re.compile(r"^[ \t]*```.*?(?:^[ \t]*```|\Z)", re.DOTALL | re.MULTILINE)


def outside_code_blocks(text: str, findings: Sequence[Finding]) -> list[Finding]:
    """The findings that begin outside blocks of code, which stand between lines of three backquotes."""
    if "```" not in text:
        return list(findings)
    blocks = [match.span() for match in CODE_BLOCK.finditer(text)]
    return [f for f in findings if not any(a <= f.start < b for a, b in blocks)]
