"""Findings are replaced in the messages; roles and number of turns stay.

A masked content is scanned again until nothing more is found, since a model sees another text once a name is gone. So
masking is idempotent: a masked record is masked no further, and an audit with the same settings finds nothing in it.

Placeholders tell by themselves what they are. Where anything else was put into the text its place is recorded
(`Masked.replaced`, kept with the verdict): by it a later masking and the audit know a made-up name from a real one.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence

from curation.pii.detect import Scanner
from curation.pii.finding import NAME_TYPES, PLACEHOLDER, Finding, resolved
from curation.pii.instead import Numbers, Operators
from curation.pii.repeats import Repeats
from curation.pii.working import Content, Span, Written
from data.records import Message, canonical_json
from data.sealing import Sealed

# Each round adds at least one placeholder, so it ends by itself; measured: of 1,540 edited texts 18 gained something in
# the second round and none in the third. What the last round leaves stays for the audit to report.
MAX_ROUNDS = 8


class Masked:
    """One record: its messages as they become, and how many findings of each type there were."""

    def __init__(self, messages: Sequence[Message], replaced: str | None = None) -> None:
        self.messages: list[Message] = [dict(message) for message in messages]
        self.counts: Counter[str] = Counter()
        self.sealed: list[Sealed] = []
        self.repeats = Repeats()
        spans = read_spans(replaced, len(messages))
        self._contents = [Content(m["content"], own) for m, own in zip(messages, spans, strict=True)]
        self._spans = spans

    @property
    def contents(self) -> list[Content]:
        """The messages' contents while they are masked."""
        return self._contents

    def take(self, content: Content, findings: Sequence[Sequence[Finding]]) -> bool:
        """Make stretches of the findings in the parts of one of the contents, and count them; False for none."""
        taken = content.take(findings, _maskable)
        self.counts.update(finding.type for finding in taken)
        return bool(taken)

    @property
    def detail(self) -> str:
        """Counts in words, never the values: `EMAIL_ADDRESS x2, PERSON x1`."""
        ordered = sorted(self.counts.items(), key=lambda pair: (-pair[1], pair[0]))
        return ", ".join(f"{kind} x{count}" for kind, count in ordered)

    @property
    def replaced(self) -> str | None:
        """The places of what was put into the text and is no placeholder: JSON, [message, start, end, type] each."""
        places = [[number, *span] for number, own in enumerate(self._spans) for span in own]
        return canonical_json(places) if places else None

    def write(self, operators: Operators) -> None:
        """Put the operators' words in place of what was found."""
        numbers = Numbers()
        for message in self.messages:
            for match in PLACEHOLDER.finditer(message["content"]):
                if (match.group(2) or "").isdigit():
                    numbers.used(match.group(1), int(match.group(2)))
        for number, content in enumerate(self._contents):
            text, written = content.written(
                lambda stretch: operators.written(stretch.entity, stretch.value, numbers)
            )
            self.messages[number] = {**self.messages[number], "content": text}
            self._spans[number] = [w.span for w in written if not PLACEHOLDER.fullmatch(w.text)]
            if operators.sealer is not None:
                self.sealed += [_sealed(operators, number, w) for w in written if not w.stretch.stands]


def mask(
    records: Sequence[Sequence[Message]],
    scanner: Scanner,
    operators: Operators | None,
    replaced: Sequence[str | None] | None = None,
) -> list[Masked]:
    """Each record (its list of messages) masked; without operators, or where they only tag, findings are counted.

    `replaced` are the recorded places of an earlier masking (`Masked.replaced`), one a record: nothing is found there.
    """
    places = replaced or [None] * len(records)
    masked = [Masked(messages, own) for messages, own in zip(records, places, strict=True)]
    open_ = [(record, content) for record in masked for content in record.contents]
    writing = operators is not None and not operators.tags_only
    for _ in range(MAX_ROUNDS if writing else 1):
        changed = _scanned(open_, scanner)
        if operators is not None and writing and operators.whole_record:
            changed = _repeated(changed)
        open_ = changed
        if not open_:
            break
    if operators is not None and writing:
        for record in masked:
            if record.counts:
                record.write(operators)
    return masked


Open = list[tuple[Masked, Content]]


def _scanned(open_: Open, scanner: Scanner) -> Open:
    """Take what the scanner finds; returns the contents in which it found something."""
    texts = [content.scanned() for _, content in open_]
    found = iter(scanner.scan([text for own in texts for text in own]))
    changed = []
    for (record, content), own in zip(open_, texts, strict=True):
        if record.take(content, [next(found) for _ in own]):
            changed.append((record, content))
    return changed


def _repeated(changed: Open) -> Open:
    """Take what stands in the changed records again; returns all contents of these records that are changed now."""
    records = {id(record): record for record, _ in changed}
    now = list(changed)
    known = {id(content) for _, content in changed}
    for record in records.values():
        if not record.repeats.add(pair for content in record.contents for pair in content.values()):
            continue
        for content in record.contents:
            again = [record.repeats.find(text) for text in content.scanned()]
            if any(again) and record.take(content, again) and id(content) not in known:
                now.append((record, content))
    return now


def read_spans(replaced: str | None, messages: int) -> list[list[Span]]:
    """The places in each of so many messages."""
    spans: list[list[Span]] = [[] for _ in range(messages)]
    for number, start, end, entity in json.loads(replaced) if replaced else ():
        spans[number].append(Span(start, end, entity))
    return spans


def _maskable(findings: Sequence[Finding], lead: int, is_key: bool) -> list[Finding]:
    """The findings inside the part's value, in its own coordinates, not overlapping."""
    inside = [
        f._replace(start=max(f.start - lead, 0), end=f.end - lead)
        for f in findings
        if f.end > lead and not (is_key and f.type in NAME_TYPES)
    ]
    return resolved(inside)


def _sealed(operators: Operators, message: int, written: Written) -> Sealed:
    assert operators.sealer is not None
    span, stretch = written.span, written.stretch
    return operators.sealer.seal(
        stretch.entity, stretch.value, written.text, message=message, start=span.start, end=span.end
    )
