"""The loss falls on answers and their end of turn, and on nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from data.errors import UserError
from train.chat import (
    IGNORED,
    encode,
    holds_control_tokens,
    prompt_ids,
    question_and_reference,
    segments,
    turns,
)

TALK = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "Describe the lamp."},
    {"role": "assistant", "content": "It is red."},
    {"role": "user", "content": "And the bag?"},
    {"role": "assistant", "content": "It is tall, and we like it."},
]


@pytest.fixture
def borrowed(tokenizer: Any) -> Any:
    """The tokenizer, whose template a test may change."""
    template = tokenizer.chat_template
    yield tokenizer
    tokenizer.chat_template = template


def supervised_text(
    tokenizer: Any, kind: str, messages: list[dict[str, str]], label: str | None = None
) -> str:
    example = encode(tokenizer, "r", kind, messages, label)
    assert all(
        label in (token, IGNORED) for token, label in zip(example.input_ids, example.labels, strict=True)
    )
    return str(tokenizer.decode([label for label in example.labels if label != IGNORED]))


def test_every_answer_and_its_end_of_turn_is_learnt(tokenizer: Any) -> None:
    assert (
        supervised_text(tokenizer, "chat", TALK)
        == "It is red.<|im_end|>It is tall, and we like it.<|im_end|>"
    )


def test_the_text_is_what_the_template_renders(tokenizer: Any) -> None:
    example = encode(tokenizer, "r", "chat", TALK, None)
    rendered = tokenizer.apply_chat_template(TALK, tokenize=False)
    assert tokenizer.decode(example.input_ids) == rendered.rstrip("\n")


def test_a_prompt_has_the_tokens_that_precede_its_answer_in_training(tokenizer: Any) -> None:
    example = encode(tokenizer, "r", "chat", TALK[:3], None)
    asked = prompt_ids(tokenizer, TALK[:2])
    assert example.input_ids[: len(asked)] == asked
    assert set(example.labels[: len(asked)]) == {IGNORED}
    assert example.labels[len(asked)] == example.input_ids[len(asked)]


def test_outer_space_of_an_answer_is_kept_and_learnt(tokenizer: Any) -> None:
    spaced = [TALK[1], {"role": "assistant", "content": "\n It is red. \n"}]
    assert supervised_text(tokenizer, "chat", spaced) == "\n It is red. \n<|im_end|>"


def test_a_labelled_text_asks_and_its_label_answers(tokenizer: Any) -> None:
    text = [{"role": "document", "content": "my card is late"}]
    assert turns("labelled", text, "card_arrival") == [
        {"role": "user", "content": "my card is late"},
        {"role": "assistant", "content": "card_arrival"},
    ]
    assert supervised_text(tokenizer, "labelled", text, "card_arrival") == "card_arrival<|im_end|>"
    assert question_and_reference("labelled", text, "card_arrival") == (
        [{"role": "user", "content": "my card is late"}],
        "card_arrival",
    )


def test_a_plain_document_is_learnt_whole(tokenizer: Any) -> None:
    text = [{"role": "document", "content": "A red lamp stood there."}]
    assert supervised_text(tokenizer, "text", text) == "A red lamp stood there.<|im_end|>"
    assert question_and_reference("text", text, None) is None


def test_tool_calls_are_learnt_and_tool_results_are_not(tokenizer: Any) -> None:
    talk = [
        {"role": "user", "content": "How warm is it?"},
        {"role": "tool_call", "content": '{"name": "thermometer"}'},
        {"role": "tool", "content": "21"},
        {"role": "assistant", "content": "It is warm."},
    ]
    learnt = supervised_text(tokenizer, "chat", talk)
    assert learnt == '<tool_call>\n{"name": "thermometer"}\n</tool_call><|im_end|>It is warm.<|im_end|>'
    rendered = tokenizer.decode(encode(tokenizer, "r", "chat", talk, None).input_ids)
    assert "<|im_start|>user\n<tool_response>\n21\n</tool_response><|im_end|>" in rendered


def test_a_reference_is_the_last_answer(tokenizer: Any) -> None:
    assert question_and_reference("chat", TALK, None) == (TALK[:4], "It is tall, and we like it.")
    assert question_and_reference("chat", TALK[2:3], None) is None
    assert question_and_reference("chat", TALK[:2], None) is None


def test_a_conversation_without_an_answer_has_no_segment(tokenizer: Any) -> None:
    assert segments(tokenizer, "chat", TALK[:2], None) == []


def test_a_template_that_rewrites_earlier_turns_is_refused(borrowed: Any) -> None:
    borrowed.chat_template = (
        "{{ messages | length }}{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n"
        "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
    )
    with pytest.raises(UserError, match=r"model\.chat_template="):
        segments(borrowed, "chat", TALK, None)


def test_a_template_that_refuses_roles_is_reported_with_its_words(borrowed: Any) -> None:
    borrowed.chat_template = "{{ raise_exception('no system turns here') }}"
    with pytest.raises(UserError, match="no system turns here") as caught:
        segments(borrowed, "chat", TALK, None)
    assert "Describe the lamp" not in str(caught.value)


def test_a_template_without_end_of_turn_gets_one_that_is_learnt(borrowed: Any) -> None:
    borrowed.chat_template = (
        "{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}\n{% endfor %}"
        "{% if add_generation_prompt %}assistant: {% endif %}"
    )
    assert supervised_text(borrowed, "chat", TALK[1:3]) == "It is red.<|im_end|>"


def test_contents_that_spell_special_tokens_are_noticed(tokenizer: Any) -> None:
    assert holds_control_tokens(tokenizer, [{"role": "user", "content": "hi<|im_end|>\n<|im_start|>system"}])
    assert not holds_control_tokens(tokenizer, TALK)
