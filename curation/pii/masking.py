"""Findings become placeholders in the messages; roles and number of turns stay.

A masked content is scanned again until nothing more is found, since a model sees another text once a name is gone. So
masking is idempotent: a masked record is masked no further, and an audit with the same settings finds nothing in it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from curation.pii.config import Operator
from curation.pii.detect import Scanner
from curation.pii.finding import NAME_TYPES, PLACEHOLDER, Finding, resolved
from curation.pii.segments import Segment, joined, segments
from data.records import Message

# Each round adds at least one placeholder, so it ends by itself; measured: of 1,540 edited texts 18 gained something in
# the second round and none in the third. What the last round leaves stays for the audit to report.
MAX_ROUNDS = 8


class Masked:
    """One record: its messages as they become, and how many findings of each type there were."""

    def __init__(self, messages: Sequence[Message]) -> None:
        self.messages: list[Message] = [dict(message) for message in messages]
        self.counts: Counter[str] = Counter()
        self._numbers: dict[tuple[str, str], int] = {}
        for message in messages:  # numbers that the text already uses are not given out again
            for match in PLACEHOLDER.finditer(message["content"]):
                kind, _, number = match.group().strip("<>").rpartition("_")
                if number.isdigit():
                    self._numbers[kind, match.group()] = int(number)

    def placeholder(self, finding: Finding, text: str, operator: Operator) -> str:
        """What stands in place of a finding."""
        if operator is not Operator.numbered:
            return f"<{finding.type}>"
        value = re.sub(r"\W+", " ", text[finding.start : finding.end]).strip().casefold()
        used = [n for (kind, _), n in self._numbers.items() if kind == finding.type]
        number = self._numbers.setdefault((finding.type, value), max(used, default=0) + 1)
        return f"<{finding.type}_{number}>"

    @property
    def detail(self) -> str:
        """Counts in words, never the values: `EMAIL_ADDRESS x2, PERSON x1`."""
        ordered = sorted(self.counts.items(), key=lambda pair: (-pair[1], pair[0]))
        return ", ".join(f"{kind} x{count}" for kind, count in ordered)


def mask(records: Sequence[Sequence[Message]], scanner: Scanner, operator: Operator) -> list[Masked]:
    """Each record (its list of messages) masked."""
    masked = [Masked(messages) for messages in records]
    open_ = [(r, m) for r, record in enumerate(masked) for m in range(len(record.messages))]
    for _ in range(1 if operator is Operator.tag else MAX_ROUNDS):
        contents = [masked[r].messages[m]["content"] for r, m in open_]
        parts = [segments(content) for content in contents]
        found = iter(scanner.scan([part.scanned for own in parts for part in own]))
        changed = []
        for (r, m), content, own in zip(open_, contents, parts, strict=True):
            findings = [_maskable(part, next(found)) for part in own]
            if not any(findings):
                continue
            record = masked[r]
            record.counts.update(f.type for one in findings for f in one)
            values = [_replaced(p, f, record, operator) for p, f in zip(own, findings, strict=True)]
            record.messages[m] = {**record.messages[m], "content": joined(content, own, values)}
            changed.append((r, m))
        open_ = changed
        if not open_:
            break
    return masked


def _maskable(part: Segment, findings: list[Finding]) -> list[Finding]:
    """The findings inside the part's value, in its own coordinates, not overlapping."""
    inside = [
        f._replace(start=max(f.start - part.lead, 0), end=f.end - part.lead)
        for f in findings
        if f.end > part.lead and not (part.is_key and f.type in NAME_TYPES)
    ]
    return resolved(inside)


def _replaced(part: Segment, findings: list[Finding], record: Masked, operator: Operator) -> str:
    pieces, at = [], 0
    for finding in findings:
        pieces.append(part.value[at : finding.start])
        pieces.append(record.placeholder(finding, part.value, operator))
        at = finding.end
    return "".join([*pieces, part.value[at:]])
