"""Records to tokens: the chat template is rendered here, and the loss falls on answers only.

A conversation becomes a list of segments, each wholly supervised or wholly not, and every segment is tokenised by
itself. The prompt's tokens are therefore the very tokens that `prompt_ids` gives at inference time; nothing merges
across the border between question and answer. The end-of-turn token after an answer is supervised too: a model
that never saw it does not stop. No `{% generation %}` marks are needed in the template.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from data.errors import UserError
from data.records import ANSWER_ROLES, Kind, Message

IGNORED = -100  # label of a token that carries no loss, as PyTorch's cross entropy defines it

# ChatML without a default system prompt: for the tiny model, and for a base model that has no template of its own
# (its tokenizer then spells the marks in several tokens, and its end-of-text token ends a turn).
CHATML = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] }}"
    "{{ eos_token if message['role'] == 'assistant' else '<|im_end|>' }}{{ '\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)

# How roles that templates do not agree on are written (the convention of the Hermes function-calling format).
_ENVELOPES: dict[str, tuple[str, str]] = {
    "tool_call": ("assistant", "<tool_call>\n{}\n</tool_call>"),
    "tool": ("user", "<tool_response>\n{}\n</tool_response>"),
    "document": ("user", "<document>\n{}\n</document>"),
}


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of text and whether the model is to learn to write it."""

    text: str
    supervised: bool


@dataclass(frozen=True, slots=True)
class Example:
    """One record as tokens: `labels` equals `input_ids` where supervised and IGNORED elsewhere."""

    record_id: str
    input_ids: list[int]
    labels: list[int]

    @property
    def supervised(self) -> int:
        """Tokens that carry loss."""
        return sum(label != IGNORED for label in self.labels)


def turns(kind: str, messages: Sequence[Message], label: str | None) -> list[Message]:
    """The conversation of a chat or labelled record in the roles that every template knows.

    A labelled record asks with its text and answers with its label.
    """
    if kind == Kind.labelled and not any(m["role"] in ANSWER_ROLES for m in messages):
        question = "\n".join(m["content"] for m in messages if m["role"] != "system")
        system = [dict(m) for m in messages if m["role"] == "system"]
        answer = [{"role": "assistant", "content": label}] if label is not None else []
        return [*system, {"role": "user", "content": question}, *answer]
    return [_in_envelope(message) for message in messages]


def question_and_reference(
    kind: str, messages: Sequence[Message], label: str | None
) -> tuple[list[Message], str] | None:
    """What to ask for a record and the answer it holds: everything before the last answer, and that answer.

    None for a plain document, and for a conversation without an answer or with nothing before it.
    """
    if kind == Kind.text:
        return None
    spoken = turns(kind, messages, label)
    last = max((n for n, m in enumerate(spoken) if m["role"] == "assistant"), default=0)
    return (spoken[:last], spoken[last]["content"]) if last else None


def segments(tokenizer: Any, kind: str, messages: Sequence[Message], label: str | None) -> list[Segment]:
    """A record as text, split where supervision starts and stops; nothing follows the last supervised segment.

    Raises UserError when the chat template rewrites earlier turns (then no border can be trusted).
    """
    if kind == Kind.text:
        return [Segment("\n".join(m["content"] for m in messages) + (tokenizer.eos_token or ""), True)]
    spoken = turns(kind, messages, label)
    found: list[Segment] = []
    done = ""
    for number, message in enumerate(spoken):
        if message["role"] != "assistant":
            continue
        before = render(tokenizer, spoken[:number], ask=True)
        after = render(tokenizer, spoken[: number + 1], ask=False)
        if not (before.startswith(done) and after.startswith(before)):
            raise UserError(
                "the chat template of the model renders earlier turns differently once an answer follows",
                "so the answer's tokens cannot be told from the prompt's",
                "give another template: model.chat_template=FILE.jinja",
            )
        answer = _through_end_of_turn(after[len(before) :], message["content"], tokenizer.eos_token)
        found += [Segment(before[len(done) :], False), Segment(answer, True)]
        done = before + answer
    return found


def encode(
    tokenizer: Any, record_id: str, kind: str, messages: Sequence[Message], label: str | None
) -> Example:
    """One record as an Example of its whole length; `labels` has no supervised token where there is no answer."""
    input_ids: list[int] = []
    labels: list[int] = []
    for segment in segments(tokenizer, kind, messages, label):
        ids = tokenizer.encode(segment.text, add_special_tokens=False)
        input_ids += ids
        labels += ids if segment.supervised else [IGNORED] * len(ids)
    return Example(record_id, input_ids, labels)


def prompt_ids(tokenizer: Any, messages: Sequence[Message]) -> list[int]:
    """Tokens that ask for the next answer: exactly those that precede it in training."""
    text = render(tokenizer, [_in_envelope(message) for message in messages], ask=True)
    return list(tokenizer.encode(text, add_special_tokens=False))


def render(tokenizer: Any, messages: Sequence[Message], *, ask: bool) -> str:
    """`messages` through the tokenizer's chat template; `ask` adds the opening of an answer."""
    from jinja2 import TemplateError

    try:
        return str(tokenizer.apply_chat_template(list(messages), tokenize=False, add_generation_prompt=ask))
    except TemplateError as error:
        roles = " ".join(message["role"] for message in messages)
        raise UserError(
            f"the chat template of the model refuses a conversation with the roles: {roles or '(none)'}",
            f"it says: {error}",
            "give another template: model.chat_template=FILE.jinja",
        ) from error


def holds_control_tokens(tokenizer: Any, messages: Sequence[Message]) -> bool:
    """Whether a content spells a special token such as <|im_end|>: it would open or close turns of its own."""
    return any(token in m["content"] for m in messages for token in tokenizer.all_special_tokens if token)


def _in_envelope(message: Message) -> Message:
    role, envelope = _ENVELOPES.get(message["role"], (message["role"], "{}"))
    return {"role": role, "content": envelope.replace("{}", message["content"], 1)}


def _through_end_of_turn(tail: str, content: str, eos: str | None) -> str:
    """The part of `tail` (an answer as rendered) up to its end-of-turn token, which is added where absent.

    Templates may strip the content, so it is searched for without its outer space.
    """
    start = tail.find(content.strip())
    end = max(start, 0) + len(content.strip())
    mark = tail.find(eos, end) if eos else -1
    if eos and mark >= 0:
        return tail[: mark + len(eos)]
    return tail.rstrip() + (eos or "")
