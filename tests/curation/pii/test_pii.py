"""The stage: verdicts, placeholders, structure, idempotence."""

from __future__ import annotations

import json
import re
from itertools import pairwise
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.pii import COLUMNS, REASONS, Engine, Operator, PiiConfig, judge, judge_batch, scan
from curation.pii.finding import PLACEHOLDER, Finding, outside_placeholders, resolved
from curation.pii.working import Content
from data.records import FrameRecords, Message
from data.verdicts import VERDICT_SCHEMA, Action

PRESIDIO = PiiConfig()
PATTERNS = PiiConfig(engine=Engine.patterns)
BOTH = pytest.mark.parametrize("config", [PRESIDIO, PATTERNS], ids=["presidio", "patterns"])


def record(*turns: tuple[str, str], **columns: Any) -> dict[str, Any]:
    return {"messages": [{"role": role, "content": content} for role, content in turns], **columns}


def judged(*rows: dict[str, Any], config: PiiConfig = PRESIDIO) -> list[dict[str, Any]]:
    return judge(FrameRecords.of(*rows), config).sort("record_id").to_dicts()


def masked(content: str, config: PiiConfig = PRESIDIO, role: str = "user") -> str:
    found = judged(record((role, content)), config=config)
    return str(found[0]["messages"][0]["content"]) if found else content


def test_the_verdict_of_a_dialogue() -> None:
    (verdict,) = judged(
        record(
            ("system", "You answer politely."),
            ("user", "I am John Smith, write to john@example.com or jane@example.com"),
            ("assistant", "I wrote to jane@example.com."),
        )
    )
    assert (verdict["action"], verdict["reason"]) == (Action.edit, "pii_masked")
    assert verdict["detail"] == "EMAIL_ADDRESS x3, PERSON x1"
    assert verdict["score"] == 4.0
    assert verdict["messages"] == [
        {"role": "system", "content": "You answer politely."},
        {"role": "user", "content": "I am <PERSON>, write to <EMAIL_ADDRESS> or <EMAIL_ADDRESS>"},
        {"role": "assistant", "content": "I wrote to <EMAIL_ADDRESS>."},
    ]


@BOTH
def test_a_record_without_findings_has_no_verdict(config: PiiConfig) -> None:
    frame = judge(FrameRecords.of(record(("user", "What is a prime number?"), ("assistant", ""))), config)
    assert frame.height == 0
    assert dict(frame.schema) == dict(pl.DataFrame(schema=VERDICT_SCHEMA).schema)


def test_off_and_no_records() -> None:
    assert judged(record(("user", "mail a@example.com")), config=PiiConfig(enabled=False)) == []
    assert judge(FrameRecords.of(), PATTERNS).height == 0


def test_numbered_placeholders_are_consistent_within_a_record() -> None:
    config = PiiConfig(operator=Operator.numbered)
    first, second = judged(
        record(
            ("user", "Mail a@example.com, then b@example.com, then A@example.com"),
            ("assistant", "b@example.com it is"),
        ),
        record(("user", "only b@example.com and <EMAIL_ADDRESS_7>")),
        config=config,
    )
    assert [m["content"] for m in first["messages"]] == [
        "Mail <EMAIL_ADDRESS_1>, then <EMAIL_ADDRESS_2>, then <EMAIL_ADDRESS_1>",
        "<EMAIL_ADDRESS_2> it is",
    ]
    # A number that the text already uses is not given to another value.
    assert second["messages"][0]["content"] == "only <EMAIL_ADDRESS_8> and <EMAIL_ADDRESS_7>"


def test_tag_leaves_the_text() -> None:
    (verdict,) = judged(record(("user", "mail a@example.com")), config=PiiConfig(operator=Operator.tag))
    assert (verdict["action"], verdict["reason"], verdict["messages"]) == (Action.tag, "pii_found", None)
    assert verdict["detail"] == "EMAIL_ADDRESS x1"


def test_drop_over_counts_the_findings_of_the_record() -> None:
    rows = [
        record(("user", "a@example.com"), ("assistant", "b@example.com")),
        record(("user", "a@example.com"), ("assistant", "b@example.com c@example.com")),
    ]
    kept, dropped = judged(*rows, config=PiiConfig(engine=Engine.patterns, drop_over=2))
    assert (kept["action"], kept["reason"], kept["score"]) == (Action.edit, "pii_masked", 2.0)
    assert (dropped["action"], dropped["reason"], dropped["score"]) == (Action.drop, "pii_dense", 3.0)
    assert dropped["messages"] is None


@BOTH
def test_nothing_personal_leaves_the_messages(config: PiiConfig) -> None:
    secret = "jane.roe@example.com"
    (verdict,) = judged(record(("user", f"write to {secret}, ssn 536-90-4399")), config=config)
    assert secret not in json.dumps(verdict) and "536-90" not in json.dumps(verdict)
    assert re.fullmatch(r"[A-Z_]+ x\d+(, [A-Z_]+ x\d+)*", verdict["detail"])


@BOTH
def test_shuffled_records_give_the_same_verdicts(config: PiiConfig) -> None:
    rows = [
        record(
            ("user", f"{name} lives here, {name.lower()[:4]}@example.com, 212-555-23{n}"), record_id=f"id{n}"
        )
        for n, name in enumerate(["John Smith", "Maria Garcia", "nobody", "John Smith", "Wei Chen"], start=10)
    ]
    assert judged(*rows, config=config) == judged(*rows[::-1], config=config)
    whole = judge(FrameRecords.of(*rows), config).sort("record_id")
    batch = FrameRecords.of(*rows).frame(*COLUMNS).collect()
    assert judge_batch(batch, config).sort("record_id").equals(whole)
    parts = pl.concat([judge_batch(part, config) for part in batch.iter_slices(2)]).sort("record_id")
    assert parts.equals(whole)


def test_reasons_are_declared() -> None:
    assert all(reason.startswith("pii_") and sentence.endswith(".") for reason, sentence in REASONS.items())


# --- tool calls -------------------------------------------------------------------------------------------------


def test_tool_calls_stay_json() -> None:
    content = (
        '{"name": "send_mail",  "arguments": {"phone": 2125552368, "to": "Maria Garcia",\n'
        ' "note": "line\\none \\"jane@example.com\\" \\u00e9", "count": 3, "ok": true, "tags": ["x", null, 1.50]}}'
    )
    text = masked(content, role="tool_call")
    value = json.loads(text)
    assert value["arguments"]["phone"] == "<PHONE_NUMBER>"
    assert value["arguments"]["to"] == "<PERSON>"
    assert value["arguments"]["note"] == 'line\none "<EMAIL_ADDRESS>" é'
    assert '"name": "send_mail",  "arguments"' in text and '"tags": ["x", null, 1.50]' in text
    assert masked(text, role="tool_call") == text


def test_keys_are_masked_by_patterns_only() -> None:
    text = masked('{"jane@example.com": {"Paris": 1, "John Smith": 2}}', role="tool")
    assert json.loads(text) == {"<EMAIL_ADDRESS>": {"Paris": 1, "John Smith": 2}}


def test_broken_json_is_masked_as_text() -> None:
    assert masked('{"to": "jane@example.com"', role="tool_call") == '{"to": "<EMAIL_ADDRESS>"'


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=12)
    | st.sampled_from(["a@example.com", "4111 1111 1111 1111", 'x "a@example.com" \\ y\n', "<PERSON>"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["name", "phone", "", "é \\"]), inner, max_size=3)
    ),
    max_leaves=8,
)


@settings(deadline=None)
@given(JSON, st.booleans(), st.sampled_from([None, 2]))
def test_any_json_stays_json_of_the_same_shape(value: Any, ascii_only: bool, indent: int | None) -> None:
    content = json.dumps([value], ensure_ascii=ascii_only, indent=indent)
    assert Content(content).written(lambda stretch: "never") == (content, [])
    after = json.loads(masked(content, PATTERNS, "tool_call"))

    def shape(x: Any) -> Any:
        if isinstance(x, dict):
            return {key: shape(item) for key, item in x.items()}
        return [shape(item) for item in x] if isinstance(x, list) else "leaf"

    assert shape(after) == shape([value])


# --- idempotence and overlaps -------------------------------------------------------------------------------------

PIECES = st.sampled_from(
    [
        "John Smith", "Dear Ms. Garcia,", "mail", "jane@example.com", "jane at example dot com", "212-555-2368", "<",
        ">", "<PERSON>", "<EMAIL_ADDRESS_2>", "<b>", "PERSON", "_1", "536-90-4399", "4111 1111 1111 1111", "in Paris",
        "\n", ". ", "bank account 945456787654", "AKIAIOSFODNN7EXAMPLE", "12 Main Street", "🙂", "é", "{", "}", '"',
        "IBAN DE89370400440532013000 2 days", "my phone is 06 49 95 69 15", "203.0.113.77", "the", "said",
    ]
)  # fmt: skip
CONTENTS = st.lists(PIECES, max_size=12).flatmap(
    lambda pieces: st.sampled_from([" ", "", ", "]).map(lambda glue: glue.join(pieces))
)


def test_a_letter_beside_a_placeholder_is_no_name() -> None:
    """The model took the placeholder and the letter after it for a name."""
    text = "bank account 945456787654bank account <US_BANK_NUMBER_1><b>in Paris"
    assert scan([text], PiiConfig(engine=Engine.presidio)) == [[]]


@BOTH
@settings(max_examples=150, deadline=None)
@given(content=CONTENTS, operator=st.sampled_from([Operator.placeholder, Operator.numbered]))
def test_masking_is_idempotent(config: PiiConfig, content: str, operator: Operator) -> None:
    settings_ = PiiConfig(engine=config.engine, operator=operator)
    once = masked(content, settings_)
    assert masked(once, settings_) == once
    if not once.lstrip().startswith(("{", "[")):  # else JSON, scanned part by part
        assert scan([once], settings_) == [[]]


@BOTH
def test_placeholders_are_not_findings(config: PiiConfig) -> None:
    text = "<PERSON> wrote to <EMAIL_ADDRESS> and <PERSON_12>, call <PHONE_NUMBER>. <US_SSN><IP_ADDRESS>"
    assert masked(text, config) == text
    assert len(PLACEHOLDER.findall(text)) == 6


def test_a_finding_around_a_placeholder_is_cut_at_it() -> None:
    text = "Dr <PERSON> Smith <PERSON>!"
    cut = outside_placeholders(text, [Finding("PERSON", 0, len(text), 0.85), Finding("URL", 4, 9, 0.5)])
    assert [(f.type, text[f.start : f.end]) for f in cut] == [("PERSON", "Dr"), ("PERSON", "Smith")]


def test_overlaps_are_covered_once_by_the_better_finding() -> None:
    mail, url, name = (
        Finding("EMAIL_ADDRESS", 5, 20, 1.0),
        Finding("URL", 10, 20, 0.5),
        Finding("PERSON", 0, 7, 0.85),
    )
    assert resolved([url, mail, name]) == [Finding("EMAIL_ADDRESS", 0, 20, 1.0)]
    # equal scores: the longer one, then the earlier one, then the first by name
    assert resolved([Finding("A", 0, 3, 0.5), Finding("B", 1, 9, 0.5)]) == [Finding("B", 0, 9, 0.5)]
    assert resolved([Finding("B", 0, 3, 0.5), Finding("A", 0, 3, 0.5)]) == [Finding("A", 0, 3, 0.5)]
    assert resolved([Finding("B", 3, 5, 0.5), Finding("A", 0, 3, 0.5)]) == [
        Finding("A", 0, 3, 0.5),
        Finding("B", 3, 5, 0.5),
    ]


SPANS = st.lists(
    st.builds(
        lambda kind, start, length, score: Finding(kind, start, start + length, score),
        st.sampled_from("ABC"),
        st.integers(0, 30),
        st.integers(1, 9),
        st.sampled_from([0.4, 0.85, 1.0]),
    ),
    max_size=8,
)


@settings(deadline=None)
@given(SPANS, st.randoms())
def test_resolved_covers_all_and_overlaps_nowhere(findings: list[Finding], random: Any) -> None:
    flat = resolved(findings)
    assert all(a.end <= b.start for a, b in pairwise(flat))
    covered = {i for f in findings for i in range(f.start, f.end)}
    assert {i for f in flat for i in range(f.start, f.end)} == covered
    random.shuffle(findings)
    assert resolved(findings) == flat


def test_the_input_is_left_as_it_was() -> None:
    messages: list[Message] = [{"role": "user", "content": "mail a@example.com"}]
    records = FrameRecords.of({"messages": messages})
    before = records.frame().collect()
    judge(records, PATTERNS)
    assert records.frame().collect().equals(before)
    assert messages == [{"role": "user", "content": "mail a@example.com"}]
