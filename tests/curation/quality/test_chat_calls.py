"""Which contents are tool calls: the forms that OpenAI, Anthropic and Hugging Face write, and what only looks so."""

import json

import pytest

from curation.quality.chat import _is_call

CITY = {"city": "Paris"}


@pytest.mark.parametrize(
    "call",
    [
        {"name": "weather"},
        {"name": "weather", "arguments": CITY},
        {"name": "weather", "parameters": CITY},
        {"type": "tool_use", "name": "weather", "input": CITY},
        {"name": "weather", "arguments": json.dumps(CITY)},
        {"name": "weather", "arguments": ""},
        {"type": "function", "function": {"name": "weather", "arguments": json.dumps(CITY)}},
        {"function": "weather", "arguments": CITY},
        [{"name": "weather"}, {"name": "clock", "arguments": {}}],
    ],
)
def test_calls(call: object) -> None:
    assert _is_call(json.dumps(call))


@pytest.mark.parametrize(
    "content",
    [
        "{'name': 'weather'}",
        "{}",
        "[]",
        "[1, 2]",
        '"weather"',
        '{"arguments": {"city": "Paris"}}',
        '{"name": "weather", "arguments": [1]}',
        json.dumps({"function": {"name": "weather", "arguments": '{"city": "Paris"'}}),
        "[" * 100_000,
    ],
)
def test_no_calls(content: str) -> None:
    assert not _is_call(content)
