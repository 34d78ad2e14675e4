"""From a raw row to messages: recognising the usual shapes, their aliases, and what is wrong with a row."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from data.errors import SourceError, closest
from data.load.config import FieldNames, Shape, SourceConfig
from data.load.formats import Reject, Row
from data.load.header import listed, shown
from data.load.mail import mail_text
from data.records import ANSWER_ROLES, Kind, Message

ALIASES: dict[str, tuple[str, ...]] = {
    "messages": ("messages", "conversations", "conversation", "dialogue", "dialog", "chat", "turns"),
    "system": ("system", "system_prompt"),
    "prompt": ("prompt", "instruction", "question", "query", "input_text"),
    "input": ("input", "context"),
    "answer": ("completion", "output", "response", "answer", "reply", "output_text", "target_text"),
    "text": ("text", "sentence", "content", "document", "body", "utterance"),
    "label": ("label", "labels", "category", "class", "intent"),
    "source": ("source", "provenance", "origin"),
    "licence": ("licence", "license"),
    "language": ("language", "lang"),
    "timestamp": ("timestamp", "created_at", "created", "date", "time"),
}

ROLE_ALIASES = {
    "system": "system", "developer": "system", "user": "user", "human": "user", "prompter": "user",
    "assistant": "assistant", "gpt": "assistant", "bot": "assistant", "model": "assistant", "chatgpt": "assistant",
    "function_call": "tool_call", "tool_call": "tool_call", "function": "tool", "observation": "tool", "tool": "tool",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Mapping:
    """A recognised shape and the column (or path, or template) of each field; absent fields are not in `columns`."""

    shape: Shape
    columns: dict[str, str]

    @property
    def consumed(self) -> set[str]:
        """Columns that went into the record itself; all others are metadata."""
        return {name for path in self.columns.values() for name in _columns_of(path)}


def recognise(sample: Sequence[Row], config: SourceConfig, place: str) -> Mapping:
    """The mapping for rows like `sample`. Raises SourceError where no shape fits or a named column is not there."""
    present = {name for row in sample for name in row}
    columns = _named(config.fields, present, sample, place)
    # A column that is null in every row of the sample (exports have them) says nothing.
    filled = {name for row in sample for name, value in row.items() if value is not None}
    for name, aliases in ALIASES.items():
        if name not in columns:
            found = next((alias for alias in aliases if alias in filled), None)
            if found:
                columns[name] = found
    shape = config.shape if config.shape != Shape.auto else _shape(columns, present)
    needed = _NEEDS.get(shape) if shape else None
    if shape is None or needed is None or any(name not in columns for name in needed(present)):
        lacking = (
            ""
            if shape is None or needed is None
            else (
                f" as {shape.value}: no {' or '.join(n for n in needed(present) if n not in columns)} column"
            )
        )
        raise SourceError(
            f"{place}: cannot read its rows{lacking}; its columns are {listed(present)}",
            "say which column is what, e.g. source.fields.prompt=COLUMN source.fields.answer=COLUMN, or "
            "source.fields.text=COLUMN source.fields.label=COLUMN",
            "a file without a header line needs source.column_names=[...]",
        )
    if shape == Shape.source_target:
        columns = {**columns, "prompt": "source", "answer": "target"}
        columns.pop("source", None)
    about = ("source", "licence", "language", "timestamp")
    used = {*_USES[shape], *about}
    return Mapping(shape, {name: path for name, path in columns.items() if name in used})


def _named(fields: FieldNames, present: set[str], sample: Sequence[Row], place: str) -> dict[str, str]:
    named = {name: getattr(fields, name) for name in ALIASES if getattr(fields, name)}
    for name, path in named.items():
        for column in _columns_of(path):
            if column not in present:
                raise SourceError(
                    f"{place}: no column '{column}' (source.fields.{name}={path})",
                    closest(column, shown(present)),
                )
        if not any(_reach(row, path) is not None for row in sample):
            raise SourceError(
                f"{place}: '{path}' (source.fields.{name}) is empty in the first {len(sample)} rows",
                f"columns: {listed(present)}",
            )
    return named


def _shape(columns: dict[str, str], present: set[str]) -> Shape | None:
    if "messages" in columns:
        return Shape.messages
    if "prompt" in columns and "answer" in columns:
        return Shape.prompt_completion
    if {"source", "target"} <= present:
        return Shape.source_target
    if "input" in columns and "answer" in columns:
        return Shape.prompt_completion
    if "text" in columns:
        return Shape.labelled if "label" in columns else Shape.text
    return None


_NEEDS: dict[Shape, Callable[[set[str]], tuple[str, ...]]] = {
    Shape.messages: lambda present: ("messages",),
    Shape.prompt_completion: lambda present: ("answer",),
    Shape.source_target: lambda present: (),
    Shape.labelled: lambda present: ("text", "label"),
    Shape.text: lambda present: ("text",),
    Shape.mail: lambda present: ("text",),
}
_USES: dict[Shape, tuple[str, ...]] = {
    Shape.messages: ("messages", "system"),
    Shape.prompt_completion: ("system", "prompt", "input", "answer"),
    Shape.source_target: ("prompt", "answer"),
    Shape.labelled: ("text", "label"),
    Shape.text: ("text",),
    Shape.mail: ("text", "label"),
}


def messages_of(row: Row, mapping: Mapping) -> tuple[Kind, list[Message], str | None] | Reject:
    """Kind, messages and label of one row, or why it is rejected."""
    columns = mapping.columns
    try:
        if mapping.shape == Shape.messages:
            return _chat(row, columns)
        if mapping.shape in (Shape.prompt_completion, Shape.source_target):
            return _pair(row, columns)
        return _document(row, mapping)
    except _Bad as bad:
        return bad.reject


class _Bad(Exception):
    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(reason)
        self.reject = Reject(reason, detail)


def _chat(row: Row, columns: dict[str, str]) -> tuple[Kind, list[Message], str | None] | Reject:
    turns = _reach(row, columns["messages"])
    if turns is None:
        return Reject("missing_field", columns["messages"])
    if isinstance(turns, str):
        try:
            turns = json.loads(turns)
        except json.JSONDecodeError:
            return Reject("wrong_type", f"{columns['messages']} is a text, not a list of messages")
    messages = _turns(turns)
    system = _text(row, columns, "system", optional=True)
    if system and (not messages or messages[0]["role"] != "system"):
        messages.insert(0, {"role": "system", "content": system})
    return _checked(messages)


def _pair(row: Row, columns: dict[str, str]) -> tuple[Kind, list[Message], str | None] | Reject:
    prompt, answer = (_reach(row, columns[n]) if n in columns else None for n in ("prompt", "answer"))
    # TRL's conversational form: both are lists of messages.
    if isinstance(prompt, list) and isinstance(answer, list):
        return _checked([*_turns(prompt), *_turns(answer)])
    parts = [
        _text(row, columns, "prompt", optional="input" in columns),
        _text(row, columns, "input", optional=True),
    ]
    if columns.get("input") == "context":
        parts.reverse()  # people put the context before the question
    content = "\n\n".join(part for part in parts if part.strip())
    if not content:
        return Reject("empty_prompt", columns.get("prompt", columns.get("input", "")))
    system = _text(row, columns, "system", optional=True)
    opening = [{"role": "system", "content": system}] if system.strip() else []
    return _checked(
        [
            *opening,
            {"role": "user", "content": content},
            {"role": "assistant", "content": _text(row, columns, "answer")},
        ]
    )


def _document(row: Row, mapping: Mapping) -> tuple[Kind, list[Message], str | None] | Reject:
    text = _text(row, mapping.columns, "text")
    if mapping.shape == Shape.mail:
        text = mail_text(text)
    if not text.strip():
        return Reject("empty_prompt", mapping.columns["text"])
    label = _text(row, mapping.columns, "label", optional=mapping.shape != Shape.labelled) or None
    if mapping.shape == Shape.labelled and label is None:
        return Reject("empty_answer", mapping.columns["label"])
    if label is not None:
        return Kind.labelled, [{"role": "user", "content": text}], label
    return Kind.text, [{"role": "document", "content": text}], None


def _checked(messages: list[Message]) -> tuple[Kind, list[Message], str | None] | Reject:
    if not any(m["role"] in ANSWER_ROLES and m["content"].strip() for m in messages):
        return Reject("empty_answer", "no assistant turn with text")
    if not any(m["role"] not in ANSWER_ROLES and m["content"].strip() for m in messages):
        return Reject("empty_prompt", "no user turn with text")
    return Kind.chat, messages, None


def _turns(turns: Any) -> list[Message]:
    if not isinstance(turns, Iterable) or isinstance(turns, str | dict):
        raise _Bad("wrong_type", f"a {type(turns).__name__}, not a list of messages")
    messages: list[Message] = []
    for turn in turns:
        if not isinstance(turn, dict):
            raise _Bad("bad_messages", f"a turn is a {type(turn).__name__}")
        name = turn.get("role", turn.get("from", turn.get("speaker")))
        role = ROLE_ALIASES.get(str(name).lower())
        if role is None:
            raise _Bad("bad_messages", "a turn has no role" if name is None else "a turn has an unknown role")
        content = _content(turn.get("content", turn.get("value", turn.get("text"))))
        calls = turn.get("tool_calls")
        if content or not calls:
            messages.append({"role": role, "content": content})
        if calls:
            messages.extend(
                {"role": "tool_call", "content": json.dumps(call, ensure_ascii=False)} for call in calls
            )
    return messages


def _content(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, list):  # OpenAI's content parts
        return "".join(str(part.get("text") or "") if isinstance(part, dict) else str(part) for part in value)
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False)
    return str(value)


def text_field(row: Row, columns: dict[str, str], name: str) -> str | None:
    """The value of an optional descriptive field (source, licence ...) as text; None where there is none."""
    if name not in columns:
        return None
    value = _reach(row, columns[name])
    return None if value is None or value == "" else str(value)


def _text(row: Row, columns: dict[str, str], name: str, *, optional: bool = False) -> str:
    value = _reach(row, columns[name]) if name in columns else None
    if value is None:
        if optional:
            return ""
        raise _Bad("missing_field", columns.get(name, name))
    if isinstance(value, str):
        return value
    if isinstance(value, bool | int | float):
        return str(value)
    raise _Bad("wrong_type", f"{columns[name]} is a {type(value).__name__}")


_BRACES = re.compile(r"\{([^{}]+)\}")


def _columns_of(path: str) -> list[str]:
    if "{" in path:
        return [name.split(".")[0] for name in _BRACES.findall(path)]
    return [path.split(".", maxsplit=1)[0]]


def _reach(row: Row, path: str) -> Any:
    """The value at a column, a dotted path, or a filled template; None where there is none."""
    if path in row:
        return row[path]
    if "{" in path:
        values = {name: _reach(row, name) for name in _BRACES.findall(path)}
        if any(value is None for value in values.values()):
            return None
        return _BRACES.sub(lambda match: str(values[match.group(1)]), path)
    value: Any = row
    for part in path.split("."):
        if isinstance(value, dict):
            value = value.get(part)
        elif isinstance(value, list) and part.isdigit() and int(part) < len(value):
            value = value[int(part)]
        else:
            return None
    return value
