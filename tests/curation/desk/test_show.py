"""What is shown, and the way back: transcripts, the basic plane, masks, rewritten answers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.desk.settings import Layout
from curation.desk.show import Item, basic, fields_of, masked, rewritten, shown_hash, transcript

DIALOGUE = [
    {"role": "system", "content": "Be kind."},
    {"role": "user", "content": "🎉🎉🎉 Ring Jane Doe."},
    {"role": "assistant", "content": "Jane Doe has 555-0199."},
]


def test_a_dialogue_shows_the_last_answer_apart() -> None:
    shown = fields_of(DIALOGUE, Layout.dialogue)
    assert shown["answer"] == "Jane Doe has 555-0199."
    assert "Be kind." in shown["prompt"] and "🎉🎉🎉" in shown["prompt"] and "555" not in shown["prompt"]


def test_a_document_is_what_is_judged() -> None:
    assert fields_of([{"role": "document", "content": "All of it."}], Layout.dialogue) == {
        "answer": "All of it."
    }


def test_marked_texts_count_alike_in_utf16_and_code_points() -> None:
    shown = fields_of(DIALOGUE, Layout.text)["text"]
    whole, _ = transcript(DIALOGUE)
    assert len(shown) == len(whole) == len(shown.encode("utf-16-le")) // 2
    assert shown.index("Jane") == whole.index("Jane")


@given(st.text())
def test_basic_keeps_lengths_and_all_else(text: str) -> None:
    shown = basic(text)
    assert len(shown) == len(text) == len(shown.encode("utf-16-le")) // 2
    assert all(
        a == b for a, b in zip(shown, text, strict=True) if b <= "\uffff" and not "\ud800" <= b <= "\udfff"
    )


def test_spans_of_the_transcript_are_masked_in_their_messages() -> None:
    text, _ = transcript(DIALOGUE)
    first, second = text.index("Jane"), text.rindex("Jane")
    spans = [(first, first + 8, "PERSON"), (second, second + 8, "PERSON")]
    assert [m["content"] for m in masked(DIALOGUE, spans)] == [
        "Be kind.", "🎉🎉🎉 Ring <PERSON>.", "<PERSON> has 555-0199.",
    ]  # fmt: skip


def test_a_span_over_two_messages_leaves_the_heading_between_them() -> None:
    text, places = transcript(DIALOGUE)
    everything = masked(DIALOGUE, [(text.index("Jane"), places[2][0] + 8, "PERSON")])
    assert [m["content"] for m in everything[1:]] == ["🎉🎉🎉 Ring <PERSON>", "<PERSON> has 555-0199."]
    assert [m["role"] for m in everything] == [m["role"] for m in DIALOGUE]


def test_overlapping_spans_leave_nothing_readable() -> None:
    messages = [{"role": "user", "content": "I am Jane Doe of Bath."}]
    assert masked(messages, [(5, 9, "PERSON"), (5, 13, "PERSON"), (8, 21, "LOCATION")])[0]["content"] == (
        "I am <LOCATION>."
    )


@given(st.lists(st.text(max_size=20), min_size=1, max_size=4), st.data())
def test_masks_never_reach_outside_of_the_contents(contents: list[str], data: st.DataObject) -> None:
    messages = [{"role": "user", "content": content} for content in contents]
    text, _ = transcript(messages)
    start = data.draw(st.integers(0, max(len(text) - 1, 0)))
    end = data.draw(st.integers(start, len(text)))
    after = masked(messages, [(start, end, "X")] if start < end else [])
    assert len(after) == len(messages)
    for message, content in zip(after, contents, strict=True):
        before, found, behind = message["content"].partition("<X>")
        assert message["content"] == content or (
            found and content.startswith(before) and content.endswith(behind)
        )


def test_a_rewritten_answer_takes_the_place_of_the_last_one() -> None:
    after = rewritten(DIALOGUE, "I may not say.")
    assert after[:2] == DIALOGUE[:2] and after[2] == {"role": "assistant", "content": "I may not say."}


def test_what_is_shown_has_one_digest() -> None:
    item = Item(item="r", record_id="r", text_hash="h", fields={"answer": "yes", "prompt": ""})
    assert item.shown_hash == shown_hash({"answer": "yes"}) == shown_hash({"prompt": None, "answer": "yes"})
    assert item.shown_hash != shown_hash({"answer": "no"})


@pytest.mark.parametrize("text", ["half \ud83d a pair", "\udc00"])
def test_half_characters_are_replaced(text: str) -> None:
    basic(text).encode("utf-8")
