"""The parts of a message's content that are scanned on their own, so that JSON stays JSON.

Plain content is one part. In content that is a JSON object or array (tool calls, tool results) every string and
number is a part; it is scanned as `key: value`, since "phone" before a number is what makes it a phone number.
Nothing outside the parts changes: spaces, order of keys and number formats stay as they were.
"""

from __future__ import annotations

import json
import re
from typing import NamedTuple

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|[{}\[\],:]')
SEPARATOR = ": "


class Segment(NamedTuple):
    """Characters [start, end) of a content.

    scanned   the text to scan; its first `lead` characters are context, which no finding may touch
    literal   True where the part is a JSON literal, to be written as JSON again
    is_key    True for the key of a JSON object: only what a pattern finds is masked there, never a word
    """

    start: int
    end: int
    scanned: str
    lead: int = 0
    literal: bool = False
    is_key: bool = False

    @property
    def value(self) -> str:
        """What can be masked."""
        return self.scanned[self.lead :]


def segments(content: str) -> list[Segment]:
    """The parts of `content`, in order; they do not overlap."""
    if not _is_json_container(content):
        return [Segment(0, len(content), content)]
    parts = []
    tokens = list(_TOKEN.finditer(content))
    key = ""
    for number, match in enumerate(tokens):
        token = match.group()
        if token in "{}[],:":
            continue
        value = json.loads(token) if token[0] == '"' else token
        follows = tokens[number + 1].group() if number + 1 < len(tokens) else ""
        if follows == ":":
            key = value
            parts.append(Segment(*match.span(), value, 0, True, True))
        else:
            lead = f"{key}{SEPARATOR}" if key else ""
            parts.append(Segment(*match.span(), lead + value, len(lead), True))
    return parts


def _is_json_container(content: str) -> bool:
    if content.lstrip()[:1] not in ("{", "["):
        return False
    try:
        return isinstance(json.loads(content), dict | list)
    except ValueError:
        return False
