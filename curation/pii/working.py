"""One message's content while it is masked: text, and stretches that something else stands for.

What is scanned shows a plain placeholder for every stretch, whatever will stand there in the end and whatever stands
there from an earlier masking. So all operators find the same things; a made-up name is never taken for a name; and
masking again changes nothing, since what it scans is what the last round scanned.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from curation.pii.finding import PLACEHOLDER, Finding
from curation.pii.segments import SEPARATOR, Segment, segments


class Span(NamedTuple):
    """Characters [start, end) of a content, which stand for a value of the type `entity`."""

    start: int
    end: int
    entity: str


@dataclass(frozen=True, slots=True)
class Stretch:
    """A value that was found; or, where `stands`, what an earlier masking put into the text."""

    entity: str
    value: str
    stands: bool = False

    @property
    def shown(self) -> str:
        """As it is scanned."""
        return f"<{self.entity}>"


class Written(NamedTuple):
    """A stretch in the new content."""

    span: Span
    stretch: Stretch
    text: str


Piece = str | Stretch


class Content:
    """A content in its parts (see `segments`), each a list of texts and stretches."""

    def __init__(self, content: str, replaced: Sequence[Span] = ()) -> None:
        self.original = content
        self._sign, self._standing = "", [content[span.start : span.end] for span in replaced]
        marked = self._marked(content, replaced) if replaced else content
        self._marked_text = marked
        self._parts = segments(marked)
        self._entities = [span.entity for span in replaced]
        self._pieces = [list(self._opened(part)) for part in self._parts]

    # ---------------------------------------------------------------- scanning

    def scanned(self) -> list[str]:
        """What is scanned of each part: its key, where it is a value of a JSON object, and its text."""
        texts, key = [], ""
        for part, pieces in zip(self._parts, self._pieces, strict=True):
            shown = _shown(pieces)
            if part.is_key:
                key = shown
            texts.append(f"{key}{SEPARATOR}{shown}" if part.lead else shown)
        return texts

    def values(self) -> list[tuple[str, str]]:
        """(type, value) of every new stretch."""
        return [
            (piece.entity, piece.value)
            for own in self._pieces
            for piece in own
            if not isinstance(piece, str) and not piece.stands
        ]

    def take(self, findings: Sequence[Sequence[Finding]], choose: Choose) -> list[Finding]:
        """Make stretches of the findings in each scanned text; returns those that were taken."""
        taken: list[Finding] = []
        for number, (part, text, own) in enumerate(zip(self._parts, self.scanned(), findings, strict=True)):
            if own:
                lead = len(text) - len(_shown(self._pieces[number])) if part.lead else 0
                chosen = choose(own, lead, part.is_key)
                self._pieces[number], cut = _cut(self._pieces[number], chosen)
                taken += cut
        return taken

    # ---------------------------------------------------------------- writing

    def written(self, write: Callable[[Stretch], str]) -> tuple[str, list[Written]]:
        """The new content with what `write` says of each new stretch, and every stretch in it."""
        pieces: list[str] = []
        at = length = 0
        spans: list[Written] = []
        for part, own in zip(self._parts, self._pieces, strict=True):
            between = self._marked_text[at : part.start]
            pieces.append(between)
            length += len(between)
            for stretch, text in self._rewritten(part, own, write):
                if stretch is not None:
                    spans.append(Written(Span(length, length + len(text), stretch.entity), stretch, text))
                pieces.append(text)
                length += len(text)
            at = part.end
        pieces.append(self._marked_text[at:])
        return "".join(pieces), spans

    def _rewritten(
        self, part: Segment, own: list[Piece], write: Callable[[Stretch], str]
    ) -> Iterator[tuple[Stretch | None, str]]:
        """The part in pieces; one without a new stretch is as it was, down to the way its JSON is written."""
        old = self._marked_text[part.start : part.end]
        if all(isinstance(piece, str) or piece.stands for piece in own):
            yield from self._as_it_was(old)
            return

        def encoded(text: str) -> str:
            return json.dumps(text, ensure_ascii=old.isascii())[1:-1] if part.literal else text

        quote = '"' if part.literal else ""
        yield None, quote
        for piece in own:
            if isinstance(piece, str):
                yield None, encoded(piece)
            else:
                yield piece, encoded(piece.value if piece.stands else write(piece))
        yield None, quote

    def _as_it_was(self, old: str) -> Iterator[tuple[Stretch | None, str]]:
        if not self._sign:
            yield None, old
            return
        for number, text in enumerate(re.split(f"{self._sign}(\\d+){self._sign}", old)):
            if number % 2:
                raw = self._standing[int(text)]
                yield Stretch(self._entities[int(text)], raw, True), raw
            else:
                yield None, text

    # ---------------------------------------------------------------- reading

    def _marked(self, content: str, replaced: Sequence[Span]) -> str:
        """`content` with a sign and a number for each span: signs that no JSON writes otherwise."""
        self._sign = next(sign for sign in map(chr, range(0xE000, 0xF8FF)) if sign not in content)
        pieces, at = [], 0
        for number, span in enumerate(replaced):
            pieces += [content[at : span.start], f"{self._sign}{number}{self._sign}"]
            at = span.end
        return "".join([*pieces, content[at:]])

    def _opened(self, part: Segment) -> Iterator[Piece]:
        """The part's value as texts and stretches that stand."""
        value = part.value
        if not self._sign and "<" not in value:
            yield value
            return
        signs = f"{self._sign}(?P<number>\\d+){self._sign}|" if self._sign else ""
        at = 0
        for match in re.finditer(f"{signs}{PLACEHOLDER.pattern}", value):
            yield value[at : match.start()]
            at = match.end()
            number = match.groupdict().get("number")
            if number is None:
                entity = PLACEHOLDER.fullmatch(match.group())
                assert entity is not None
                yield Stretch(entity.group(1), match.group(), True)
            else:
                raw = self._standing[int(number)]
                yield Stretch(self._entities[int(number)], _decoded(raw) if part.literal else raw, True)
        yield value[at:]


# (findings in a scanned text, characters of it that are context, whether it is a key) -> findings in the part's text
Choose = Callable[[Sequence[Finding], int, bool], list[Finding]]


def _shown(pieces: Sequence[Piece]) -> str:
    return "".join(piece if isinstance(piece, str) else piece.shown for piece in pieces)


def _cut(pieces: list[Piece], findings: Sequence[Finding]) -> tuple[list[Piece], list[Finding]]:
    """The pieces with a stretch for each finding (in order, not overlapping), and the findings that lay in a text."""
    new: list[Piece] = []
    taken: list[Finding] = []
    waiting = list(findings)
    at = 0
    for piece in pieces:
        if not isinstance(piece, str):
            new.append(piece)
            at += len(piece.shown)
            continue
        done = 0
        while waiting and waiting[0].start < at + len(piece):
            finding = waiting.pop(0)
            start, end = max(finding.start - at, done), min(finding.end - at, len(piece))
            if start < end:
                new += [piece[done:start], Stretch(finding.type, piece[start:end])]
                taken.append(finding)
                done = end
        new.append(piece[done:])
        at += len(piece)
    return new, taken


def _decoded(raw: str) -> str:
    try:
        return str(json.loads(f'"{raw}"'))
    except ValueError:
        return raw
