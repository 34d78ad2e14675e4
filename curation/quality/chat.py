"""Form of a dialogue: who speaks when, and whether tool calls can be read."""

from __future__ import annotations

import json
from typing import Any

import polars as pl

from curation.quality.config import QualityConfig
from curation.quality.subject import IS_CHAT, finding

REASONS = {
    "quality_chat_roles": "The turns of the dialogue do not alternate, or it begins with an answer.",
    "quality_chat_empty_turn": "A turn of the dialogue other than the last answer is empty.",
    "quality_chat_last_turn": "The dialogue does not end with an answer.",
    "quality_chat_tool_call": "A tool call is no valid JSON, has no name, or has arguments that cannot be read.",
}

_LETTERS = {"system": "s", "user": "u", "assistant": "a", "tool_call": "c", "tool": "t", "document": "d"}
# Two users or two answers in a row; a tool's result without its call; a system prompt in the middle; an
# answer before any question.
_DISORDER = r"uu|aa|(?:^|[^ct])t|[^sd]s|^[sd]*[act]"
# An empty answer beside a tool call is how tool calls are often stored.
_EMPTY_TURN = r"U|A[^c]"


def find(batch: pl.DataFrame, config: QualityConfig) -> list[pl.DataFrame]:
    """Findings on the form of dialogues."""
    role, content = pl.element().struct.field("role"), pl.element().struct.field("content")
    letter = role.replace_strict(_LETTERS, default="?", return_dtype=pl.String)
    is_empty = content.str.strip_chars().str.len_bytes() == 0
    shape = pl.when(is_empty).then(letter.str.to_uppercase()).otherwise(letter)
    chats = batch.filter(IS_CHAT).with_columns(shape=pl.col("messages").list.eval(shape).list.join(""))
    order = pl.col("shape").str.to_lowercase()
    turns = pl.col("shape").str.len_chars()
    return [
        finding(
            chats,
            "quality_chat_roles",
            when=order.str.contains(_DISORDER),
            score=order.str.count_matches(_DISORDER),
            detail=pl.format("{} of {} turns out of order", order.str.count_matches(_DISORDER), turns),
        ),
        finding(
            chats,
            "quality_chat_empty_turn",
            when=pl.col("shape").str.contains(_EMPTY_TURN),
            score=pl.col("shape").str.count_matches(_EMPTY_TURN),
            detail=pl.format("{} of {} turns empty", pl.col("shape").str.count_matches(_EMPTY_TURN), turns),
        ),
        finding(
            chats,
            "quality_chat_last_turn",
            when=~order.str.contains(r"[ac]$"),
            score=turns,
            detail=pl.format("the last of {} turns is no answer", turns),
        ),
        _tool_calls(chats.filter(order.str.contains("c", literal=True))),
    ]


def _tool_calls(chats: pl.DataFrame) -> pl.DataFrame:
    broken = [
        sum(message["role"] == "tool_call" and not _is_call(message["content"]) for message in messages)
        for messages in chats["messages"]
    ]
    counted = chats.with_columns(broken=pl.Series(broken, dtype=pl.Int64))
    return finding(
        counted,
        "quality_chat_tool_call",
        when=pl.col("broken") > 0,
        score=pl.col("broken"),
        detail=pl.format("{} tool calls that cannot be read as one", "broken"),
    )


def _is_call(content: str) -> bool:
    """Whether this is an object with a name, or a list of such: as OpenAI, Anthropic and Hugging Face write them."""
    try:
        said = json.loads(content)
        calls = said if isinstance(said, list) else [said]
        return bool(calls) and all(_is_named(call) for call in calls)
    except (ValueError, RecursionError):
        return False


def _is_named(call: Any) -> bool:
    """Whether one call has a name, and arguments that can be read: OpenAI writes these as JSON in a string."""
    if not isinstance(call, dict):
        return False
    inner = call.get("function", call)
    if isinstance(inner, str):  # {"function": "weather", "arguments": ...}
        inner = {**call, "name": inner}
    if not isinstance(inner, dict) or not isinstance(inner.get("name"), str):
        return False
    arguments = inner.get("arguments", inner.get("parameters", inner.get("input")))
    if isinstance(arguments, str) and arguments.strip():
        arguments = json.loads(arguments)
    return arguments is None or isinstance(arguments, dict | str)
