"""What of a record is shown on the desk, and how what people mark and write there finds its way back into it.

Spans are counted in UTF-16 units by Argilla's page and in code points by its server and by Python. In a text that is
marked, each character beyond the basic plane is therefore shown as one of it (WIDE): all three count alike.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from curation.desk.settings import Layout
from data.records import ANSWER_ROLES, Message, canonical_json, digest

WIDE = "□"
_BEYOND = re.compile("[\U00010000-\U0010ffff]")
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
FIELDS: dict[Layout, dict[str, tuple[str, bool]]] = {  # name -> title, required
    Layout.dialogue: {
        "prompt": ("Conversation so far", False),
        "answer": ("To judge", True),
        "similar": ("Nearly the same, and kept", False),
    },
    Layout.text: {"text": ("Text", True)},
    Layout.pair: {"prompt": ("Prompt", False), "a": ("Answer A", True), "b": ("Answer B", True)},
}


class Suggestion(NamedTuple):
    """An answer that stands there to begin with: by `agent`, with a `score` from 0 to 1 where it has one."""

    value: Any
    agent: str
    score: float | None = None


@dataclass(kw_only=True, slots=True)
class Item:
    """What a person is asked about.

    item          its name on the desk
    text_hash     of the record's messages; empty for an answer of an evaluation
    fields        what is shown, by field
    why           why a person should see it
    suggestions   by question
    metadata      what annotators can filter by
    hidden        what they must not know
    gold          known answers by question
    """

    item: str
    record_id: str
    text_hash: str
    fields: dict[str, str]
    why: str = ""
    suggestions: dict[str, Suggestion] = field(default_factory=dict)
    metadata: dict[str, str | float] = field(default_factory=dict)
    hidden: dict[str, str] = field(default_factory=dict)
    gold: dict[str, Any] = field(default_factory=dict)

    @property
    def shown_hash(self) -> str:
        """Digest of what is shown."""
        return shown_hash(self.fields)


def shown_hash(fields: dict[str, Any]) -> str:
    """Digest of shown fields; empty ones count as absent, since a server may leave them out."""
    return digest(canonical_json({name: text for name, text in fields.items() if text}))


def fields_of(messages: Sequence[Message], layout: Layout) -> dict[str, str]:
    """The fields of a record's messages."""
    if layout is Layout.text:
        return {"text": basic(transcript(messages)[0])}
    last = last_answer(messages)
    before = [m for i, m in enumerate(messages) if i != last]
    shown = {"answer": whole(messages[last]["content"])}
    return {"prompt": whole(transcript(before)[0]), **shown} if before else shown


def last_answer(messages: Sequence[Message]) -> int:
    """The place of the last answer; of the last message, where nobody answers (a document)."""
    places = [i for i, m in enumerate(messages) if m["role"] in ANSWER_ROLES]
    return places[-1] if places else len(messages) - 1


def transcript(messages: Sequence[Message]) -> tuple[str, list[tuple[int, int]]]:
    """All messages as one text, and where the content of each lies in it. One message alone has no heading."""
    if len(messages) == 1:
        return messages[0]["content"], [(0, len(messages[0]["content"]))]
    text, places = "", []
    for message in messages:
        text += f"{chr(10) * 2 if text else ''}[{message['role']}]\n"
        places.append((len(text), len(text) + len(message["content"])))
        text += message["content"]
    return text, places


def basic(text: str) -> str:
    """`text` with one sign of the basic plane for each character beyond it: lengths stay."""
    return _BEYOND.sub(WIDE, whole(text))


def whole(text: str) -> str:
    """`text` without half characters, which no JSON can carry: lengths stay."""
    return _LONE_SURROGATE.sub("\ufffd", text)


def rewritten(messages: Sequence[Message], answer: str) -> list[Message]:
    """The messages with another last answer."""
    place = last_answer(messages)
    return [{**m, "content": answer} if i == place else dict(m) for i, m in enumerate(messages)]


def masked(messages: Sequence[Message], spans: Sequence[tuple[int, int, str]]) -> list[Message]:
    """The messages with a placeholder `<LABEL>` for each span (start, end, label) of their transcript.

    What lies outside of contents is left alone. Overlapping spans are covered as a whole, by the longest one's label.
    """
    _, places = transcript(messages)
    result = []
    for message, (start, end) in zip(messages, places, strict=True):
        inside = sorted((max(a, start), min(b, end), label) for a, b, label in spans if a < end and start < b)
        content = message["content"]
        for a, b, label in reversed(_merged(inside)):
            content = f"{content[: a - start]}<{label}>{content[b - start :]}"
        result.append({**message, "content": content})
    return result


def _merged(spans: Sequence[tuple[int, int, str]]) -> list[tuple[int, int, str]]:
    merged: list[tuple[int, int, str]] = []
    longest = 0
    for start, end, label in spans:
        if merged and start < merged[-1][1]:
            a, b, known = merged[-1]
            merged[-1] = (a, max(b, end), label if end - start > longest else known)
            longest = max(longest, end - start)
        else:
            merged.append((start, end, label))
            longest = end - start
    return merged
