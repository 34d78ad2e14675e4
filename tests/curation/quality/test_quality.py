"""Every reason has a record that gets it and a near miss that does not."""

from __future__ import annotations

import random
from typing import Any

import polars as pl
import pytest

from curation.quality import COLUMNS, FAMILIES, REASONS, QualityConfig, judge, judge_batch
from data.records import FrameRecords

Row = dict[str, Any]

SENTENCES = (
    "The delivery leaves our warehouse on the same day, and it will be with you before the weekend. ",
    "Customers who order more than three boxes get a discount that is shown at the end of the form. ",
    "If the parcel is damaged, take a picture of it and send it to the team that sold it to you. ",
    "We have changed the colour of the lid because many of our readers asked for a darker one. ",
    "It takes about four minutes to set up the device, and there is no need for any other tool. ",
)
PROSE = "".join(SENTENCES)


def chat(answer: str, prompt: str = "Write a short note to a customer.") -> Row:
    return turns(("user", prompt), ("assistant", answer))


def turns(*pairs: tuple[str, str]) -> Row:
    return {"messages": [{"role": role, "content": content} for role, content in pairs]}


def labelled(text: str, label: str | None = "card_arrival") -> Row:
    return {"kind": "labelled", "label": label, "messages": [{"role": "user", "content": text}]}


def document(text: str) -> Row:
    return {"kind": "text", "messages": [{"role": "document", "content": text}]}


LINES = [f"{sentence.strip()} Number {number}." for number, sentence in enumerate(SENTENCES * 2)]
LIST = "\n".join(f"- item {number} of the list" for number in range(12))
GERMAN = (
    "Die Lieferung verlässt unser Lager noch am selben Tag und wird vor dem Wochenende bei Ihnen eintreffen."
)

# reason -> (a record that gets it, one that does not, keys of the configuration)
CASES: dict[str, tuple[Row, Row, dict[str, Any]]] = {
    "quality_chat_roles": (
        turns(("user", "Hello?"), ("user", "Anyone?"), ("assistant", "Yes.")),
        turns(
            ("system", "Be kind."),
            ("user", "Hello?"),
            ("assistant", "Yes."),
            ("user", "Hm."),
            ("assistant", "?"),
        ),
        {},
    ),
    "quality_chat_empty_turn": (
        turns(("user", "Hello?"), ("assistant", " "), ("user", "Well?"), ("assistant", "Yes.")),
        turns(
            ("user", "Time?"),
            ("assistant", ""),
            ("tool_call", '{"name": "clock"}'),
            ("tool", "9"),
            ("assistant", "Nine."),
        ),
        {},
    ),
    "quality_chat_last_turn": (
        turns(("user", "Hello?"), ("assistant", "Yes?"), ("user", "Thanks.")),
        turns(("user", "What time is it?"), ("tool_call", '{"name": "clock", "arguments": {}}')),
        {},
    ),
    "quality_chat_tool_call": (
        turns(("user", "Time?"), ("tool_call", "{'name': 'clock'}"), ("tool", "9"), ("assistant", "Nine.")),
        turns(("user", "Time?"), ("tool_call", '{"name": "clock"}'), ("tool", "9"), ("assistant", "Nine.")),
        {},
    ),
    "quality_empty_answer": (chat(" \n\u200b"), chat("yes"), {}),
    "quality_empty_prompt": (chat("Hello.", " "), chat("Hello.", "?"), {}),
    "quality_empty_text": (labelled("\t"), labelled("ok"), {}),
    "quality_empty_label": (labelled("Where is my card?", " "), labelled("Where is my card?", "0"), {}),
    "quality_prompt_short": (chat("Yes.", "Why?"), chat("Yes.", "Why??"), {"min_prompt_chars": 5}),
    "quality_prompt_long": (labelled("x" * 11), labelled("x" * 10), {"max_prompt_chars": 10}),
    "quality_answer_short": (chat("(C)"), chat("(CC)"), {"min_answer_chars": 4}),
    "quality_answer_long": (chat("x" * 11), chat("x" * 10), {"max_answer_chars": 10}),
    "quality_answer_few_words": (chat("Not today."), chat("No, not today."), {"min_answer_words": 3}),
    "quality_mojibake": (
        chat("Itâ€™s a cafÃ© on the corner."),
        chat("It’s a café on the corner — “nice” …"),
        {},
    ),
    "quality_replacement_characters": (document(PROSE + "caf\ufffd"), document(PROSE + "café"), {}),
    "quality_control_characters": (chat("Hello\x08 there."), chat("Hello\tthere.\r\nBye.\n"), {}),
    "quality_damaged_input": (labelled("I can\x92t wait."), labelled("I can’t wait."), {}),
    "quality_refusal": (
        chat("I'm sorry, but I cannot help with that request."),
        chat("Dear Ms Reed, thank you for the invitation. I'm sorry, but I cannot come on Friday."),
        {},
    ),
    "quality_copied_prompt": (
        chat("write a short, friendly note to a customer!", "Write a short friendly note to a customer."),
        chat(
            "In winter, by the river.", "In winter, by the river. Where and when does the story take place?"
        ),
        {},
    ),
    "quality_repeated_lines": (
        chat("\n".join([LINES[0], *[LINES[1]] * 5])),
        chat("\n".join([*LINES, LINES[1]])),
        {},
    ),
    "quality_repeated_paragraphs": (
        chat("\n\n".join([LINES[0], *["\n".join(LINES[1:3])] * 4])),
        chat("\n\n".join(LINES)),
        {},
    ),
    "quality_top_ngram": (
        document(PROSE + "best price today " * 20),
        document(PROSE + "best price today."),
        {},
    ),
    "quality_repeated_ngrams": (
        chat("We deliver. " + "and then it goes on and on " * 10),
        # A chain of reasoning that says a phrase of ten words twice.
        chat(
            "Mollusks are a major food source for other organisms, including humans. Snails are soft-bodied "
            "invertebrates. So snails are a major food source for other organisms, including humans."
        ),
        {},
    ),
    "quality_language": (chat(GERMAN), chat(GERMAN, "Translate this note into German."), {}),
    "quality_open_code_block": (
        chat("Try this:\n```python\nprint(1)"),
        chat("Try:\n```python\nprint(1)\n```"),
        {},
    ),
    "quality_cut_off": (
        chat(PROSE + "For all other questions please turn to the team in the next buil"),
        chat(PROSE + "We hope to hear from you soon and wish you a good week. Yours, Mary Reed"),
        {},
    ),
    "quality_html": (
        labelled("<br>Win &amp; save&nbsp;now &lt;here&gt;"),
        chat("<p>Win &amp; save&nbsp;now</p><br><br>", "Write the HTML of a banner."),
        {},
    ),
    "quality_unbalanced_tags": (labelled("<b>Win now"), labelled("<b>Win</b> now, I <3 it, 2 < 3 > 1"), {}),
    "quality_document_words": (document("Hand wash only."), document(PROSE), {}),
    "quality_document_word_length": (
        document(PROSE + " ".join(["pneumonoultramicroscopicsilicovolcanoconiosis"] * 100)),
        document(PROSE),
        {},
    ),
    "quality_document_symbols": (document(PROSE + "# " * 15), document(PROSE + "# " * 5), {}),
    "quality_document_bullets": (document(LIST), document("What the list has:\nIt has all.\n" + LIST), {}),
    "quality_document_ellipsis": (
        document("\n".join(f"{line} ..." for line in LINES)),
        document("\n".join([*LINES, "And so on ..."])),
        {},
    ),
    "quality_document_alphabetic": (document(PROSE + "12 " * 40), document(PROSE + "12 " * 15), {}),
    "quality_document_stop_words": (document("Steel bolt, zinc, 5 mm. " * 12), document(PROSE), {}),
    "quality_document_placeholder": (document(PROSE + "Lorem ipsum dolor."), document(PROSE + "Ipsum."), {}),
    "quality_document_line_ends": (
        document("\n".join(line.rstrip(".") for line in LINES)),
        document("\n".join(LINES[:2] + [line.rstrip(".") for line in LINES[2:]])),
        {},
    ),
    "quality_document_short_lines": (
        document("\n".join([*LINES[:2], *["Short line of text."] * 6])),
        document("\n".join([*LINES[:4], *["Short line of text."] * 6])),
        {},
    ),
}


def test_every_reason_has_a_case() -> None:
    assert set(CASES) == set(REASONS)


@pytest.mark.parametrize("reason", CASES)
def test_reason_and_near_miss(reason: str) -> None:
    hit, miss, keys = CASES[reason]
    found = judge(
        FrameRecords.of({"record_id": "hit", **hit}, {"record_id": "miss", **miss}), QualityConfig(**keys)
    )
    by_id = {key: set(frame["reason"]) for (key,), frame in found.group_by(["record_id"])}
    assert reason in by_id.get("hit", set())
    assert reason not in by_id.get("miss", set())


@pytest.mark.parametrize(
    "row",
    [
        chat("(C)"),
        chat("yes"),
        chat("Waiting is a process. Dogs are animals. Dogs wait.\n#### 72"),
        chat("def area(width, height):\n    return width * height\n\n\nprint(area(1, 2))"),
        chat("#!/bin/bash\nif [ -d a ]; then\n  echo 'a exists.'\nelse\n  echo 'a exists not.'\nfi"),
        chat("612\n612 / 3 + 3 = 207\n207 / 3 + 3 = 72\n72 / 3 + 3 = 27\n27 / 3 + 3 = 12\n12 / 3 + 3 = 7"),
        chat("Sorry to hear that your parcel is late. We will send a new one today."),
        chat("I can't believe it is already spring! Come and see our new range."),
        chat("😊👍🏽"),
        chat("Bonjour", "How does one say hello in French?"),
        labelled("ok lar, joking wif u oni"),
        document(PROSE),
    ],
    ids=str,
)
def test_good_records_are_left_alone(row: Row) -> None:
    assert judge(FrameRecords.of(row), QualityConfig()).is_empty()


@pytest.mark.parametrize(
    "answer",
    [
        "As an AI language model, I don't have personal opinions.",
        "Unfortunately, I am not able to browse the internet.",
        "I apologize, but I can’t provide that.",
        "Sorry, I can't assist with that.",
        "I'm just a language model and cannot see pictures.",
    ],
)
def test_refusals_in_many_words(answer: str) -> None:
    found = judge(FrameRecords.of(chat(answer)), QualityConfig())
    assert found.select("action", "reason", "score").row(0) == ("drop", "quality_refusal", 1.0)


def test_a_dialogue_with_one_refusal_of_two_answers_stays() -> None:
    row = turns(
        ("user", "Order a pizza."), ("assistant", "I'm sorry, but I can't help with that."),
        ("user", "A recipe then?"), ("assistant", "Take flour, water and yeast."),
    )  # fmt: skip
    assert judge(FrameRecords.of(row), QualityConfig()).is_empty()
    assert judge(FrameRecords.of(row), QualityConfig(max_refusal_fraction=0.4))["score"].to_list() == [0.5]


def test_one_drop_a_record_by_the_order_of_families_the_rest_as_tags() -> None:
    row = turns(
        ("user", "Hello?"), ("user", "Itâ€™s me?"), ("assistant", "I'm sorry, but I cannot help. Itâ€™s off.")
    )
    found = judge(FrameRecords.of(row), QualityConfig())
    assert found.select("action", "reason").rows() == [
        ("drop", "quality_chat_roles"),
        ("tag", "quality_mojibake"),
        ("tag", "quality_refusal"),
        ("tag", "quality_damaged_input"),
    ]


def test_families_can_be_tagged_or_off() -> None:
    records = FrameRecords.of(chat("I'm sorry, but I cannot help with that."))
    assert judge(records, QualityConfig(families={"refusal": "tag"}))["action"].to_list() == ["tag"]
    assert judge(records, QualityConfig(families={"refusal": "off"})).is_empty()
    assert judge(records, QualityConfig(enabled=False)).is_empty()


def test_no_text_of_a_record_enters_reason_or_detail() -> None:
    rows = [{"record_id": f"{n:03d}", **hit} for n, (hit, _, _) in enumerate(CASES.values())]
    found = judge(FrameRecords.of(*rows), QualityConfig())
    for word in ("customer", "parcel", "Hello", "card", "Lieferung", "Mary"):
        assert not found["detail"].str.contains(word).any()


def test_shuffled_and_split_records_give_the_same_verdicts() -> None:
    rows = [{"record_id": f"{n:03d}", **row} for n, (a, b, _) in enumerate(CASES.values()) for row in (a,)]
    rows += [{"record_id": f"m{n:03d}", **b} for n, (_, b, _) in enumerate(CASES.values())]
    expected = judge(FrameRecords.of(*rows), QualityConfig())
    random.Random(3).shuffle(rows)
    assert judge(FrameRecords.of(*rows), QualityConfig()).equals(expected)
    batch = FrameRecords.of(*rows).frame(*COLUMNS).collect()
    pieces = [judge_batch(piece, QualityConfig()) for piece in batch.iter_slices(7)]
    assert pl.concat(pieces).equals(expected)


def test_no_records() -> None:
    assert judge_batch(
        FrameRecords.of(chat("x")).frame(*COLUMNS).collect().clear(), QualityConfig()
    ).is_empty()


def test_drops_are_at_most_one_a_record_and_families_are_named_in_order() -> None:
    rows = [{"record_id": f"{n:03d}", **hit} for n, (hit, _, _) in enumerate(CASES.values())]
    drops = judge(FrameRecords.of(*rows), QualityConfig(families=dict.fromkeys(FAMILIES, "drop"))).filter(
        action="drop"
    )
    assert drops["record_id"].is_unique().all()
