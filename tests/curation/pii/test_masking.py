"""Masking with every operator: the same things found, nothing found twice, consistent turns, recorded places."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from curation.pii import COLUMNS, Engine, Operator, PiiConfig, fingerprint, judge, judge_batch, keep_originals
from curation.pii.detect import Scanner
from curation.pii.instead import Operators
from curation.pii.masking import mask
from curation.pii.repeats import Repeats
from data.errors import UserError, VaultError
from data.key import load_key
from data.records import FrameRecords
from data.vault import Vault

SECRET = "k3Jd92-mmQpWz_81xLbTReUo0vYcHs5aGi7Nf4"
WRITING = [operator for operator in Operator if operator is not Operator.tag]
EVERY = pytest.mark.parametrize("operator", WRITING)
DIALOGUE = [
    ("system", "You answer politely."),
    ("user", "I am John Smith, john.smith@acme.com, +1 (415) 867-5309. Card 4111 1111 1111 1111."),
    ("assistant", "Dear Mr Smith, is john.smith@acme.com right? Regards, Maria Garcia"),
    ("user", "Yes. Who is Maria?"),
    (
        "tool_call",
        '{"to": "john.smith@acme.com", "phone": 4158675309, "say": "Hello \\"John Smith\\" \\u00e9"}',
    ),
]


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TUNEPROOF_PII_KEY", SECRET)


@pytest.fixture(scope="module")
def scanner() -> Iterator[Scanner]:
    with Scanner(PiiConfig()) as one:
        yield one


def record(*turns: tuple[str, str], **columns: Any) -> dict[str, Any]:
    return {"messages": [{"role": role, "content": content} for role, content in turns], **columns}


def judged(config: PiiConfig, *rows: dict[str, Any]) -> list[dict[str, Any]]:
    return judge(FrameRecords.of(*rows), config).sort("record_id").to_dicts()


def contents(verdict: dict[str, Any]) -> list[str]:
    return [message["content"] for message in verdict["messages"]]


@EVERY
def test_nothing_personal_stays_and_nothing_is_masked_twice(operator: Operator) -> None:
    config = PiiConfig(operator=operator)
    (verdict,) = judged(config, record(*DIALOGUE))
    text = "\n".join(contents(verdict))
    for value in ("John", "Smith", "smith@", "867-5309", "8675309", "4111 1111", "Maria", "Garcia"):
        assert value not in text, (value, text)
    assert verdict["detail"] == judged(PiiConfig(), record(*DIALOGUE))[0]["detail"]  # whatever the operator
    json.loads(contents(verdict)[-1])
    again = record(*((m["role"], m["content"]) for m in verdict["messages"]), replaced=verdict["value"])
    assert judged(config, again) == []
    assert judged(PiiConfig(), again) == []  # nor by another operator


@EVERY
def test_places_are_recorded_for_all_but_placeholders(operator: Operator) -> None:
    (verdict,) = judged(PiiConfig(operator=operator), record(*DIALOGUE))
    places = json.loads(verdict["value"] or "[]")
    assert bool(places) == (
        operator in (Operator.redact, Operator.pseudonym, Operator.surrogate, Operator.partial)
    )
    for message, start, end, entity in places:
        stands = contents(verdict)[message][start:end]
        assert stands == "" if operator is Operator.redact else stands
        assert entity in verdict["detail"]


def test_turns_of_one_record_and_of_others_agree() -> None:
    config = PiiConfig(operators={"PERSON": Operator.pseudonym, "EMAIL_ADDRESS": Operator.partial})
    first, second = judged(
        config, record(*DIALOGUE), record(("user", "Write to SMITH, John and to John Smith."))
    )
    _, opening, reply, who, call = contents(first)
    name = opening.removeprefix("I am ").partition(",")[0]
    family = name.split()[1]
    assert f"Dear Mr {family}," in reply and f'Hello \\"{name}\\" \\u00e9' in call
    assert who == f"Yes. Who is {reply.rpartition(', ')[2].split()[0]}?"
    assert "***@acme.com" in opening and "<PHONE_NUMBER>" in opening and '"to": "***@acme.com"' in call
    assert f"and to {name}." in contents(second)[0]


def test_any_order_any_batches_any_processes(scanner: Scanner) -> None:
    names = ["John Smith", "Maria Garcia", "Wei Chen", "Ayşe Yılmaz", "Smith, John"]
    rows = []
    for n, name in enumerate(names * 3):
        local = name.split()[0].strip(",").lower()
        text = f"{name} called from 415-867-53{n:02}, see {local}@acme.com"
        rows.append(record(("user", text), record_id=f"r{n:02}"))
    config = PiiConfig(operator=Operator.surrogate)
    want = judge(FrameRecords.of(*rows), config).sort("record_id").drop("sealed")
    shuffled = rows[:]
    random.Random(7).shuffle(shuffled)
    assert judge(FrameRecords.of(*shuffled), config).sort("record_id").drop("sealed").equals(want)
    batch = FrameRecords.of(*rows).frame(*COLUMNS).collect()
    parts = pl.concat([judge_batch(part, config) for part in batch.iter_slices(4)])
    assert parts.sort("record_id").drop("sealed").equals(want)


@pytest.mark.slow
def test_two_processes_write_what_one_writes() -> None:
    rows = [
        record(("user", f"John Smith{'' if n % 2 else 'son'} called from 415-867-53{n:02}"))
        for n in range(40)
    ]
    one, two = (
        judge(FrameRecords.of(*rows), PiiConfig(operator=Operator.surrogate, processes=n)) for n in (1, 2)
    )
    assert one.drop("sealed").equals(two.drop("sealed"))


def test_a_new_find_beside_a_made_up_name_leaves_that_name(scanner: Scanner) -> None:
    (verdict,) = judged(PiiConfig(operator=Operator.pseudonym), record(("user", "John Smith is here.")))
    name = contents(verdict)[0].removesuffix(" is here.")
    more = PiiConfig(operator=Operator.pseudonym, deny={"PERSON": ["here"]})
    row = record(("user", contents(verdict)[0]), replaced=verdict["value"])
    (after,) = judged(more, row)
    text = contents(after)[0]
    assert text.startswith(f"{name} is ") and "here" not in text
    assert [p[1:3] for p in json.loads(after["value"])] == [[0, len(name)], [len(name) + 4, len(text) - 1]]
    assert judged(more, record(("user", text), replaced=after["value"])) == []


def test_a_real_name_outside_the_recorded_places_is_found(scanner: Scanner) -> None:
    (verdict,) = judged(PiiConfig(operator=Operator.pseudonym), record(("user", "John Smith is here.")))
    text = contents(verdict)[0] + " So is Maria Garcia."
    row = [[{"role": "user", "content": text}]]
    (found,) = mask(row, scanner, None, [verdict["value"]])
    assert dict(found.counts) == {"PERSON": 1}
    (blind,) = mask(row, scanner, None)
    assert blind.counts["PERSON"] == 2


VALUES = ["a@example.com", "b@example.org", "212-555-2368", "4111 1111 1111 1111", "10.20.30.40"]
OTHERS = [
    "<PERSON>",
    "<EMAIL_ADDRESS_3>",
    "<EMAIL_ADDRESS_3f9a2c1bd041>",
    " ",
    "\n",
    ", ",
    "x",
    "\\",
    "é",
    *'"{}[]:',
]
PIECES = st.lists(st.sampled_from([*VALUES, *OTHERS]), max_size=9).map("".join)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=PIECES, as_json=st.booleans(), operator=st.sampled_from(WRITING))
def test_masking_is_idempotent(text: str, as_json: bool, operator: Operator) -> None:
    config = PiiConfig(engine=Engine.patterns, operator=operator)
    content = json.dumps({"k": text, text: [1, text]}) if as_json else text
    found = judged(config, record(("user", content)))
    if not found:
        return
    (verdict,) = found
    new = contents(verdict)[0]
    assert new != content
    if as_json:
        json.loads(new)
    assert judged(config, record(("user", new), replaced=verdict["value"])) == []


# --- found once, replaced everywhere ----------------------------------------------------------------------------


def test_repeats_of_a_record() -> None:
    repeats = Repeats()
    assert repeats.add([("PERSON", "Zoltan Baker"), ("PHONE_NUMBER", "415-867-5309"), ("LOCATION", "Leeds")])
    text = "Zoltan, ZOLTAN, zoltan; a baker. Mr Baker. Baker, Zoltan! 415-867-5309 in Leeds; zoltan baker; Zoltan's."
    found = [text[f.start : f.end] for f in sorted(repeats.find(text), key=lambda f: f.start)]
    assert found == ["Zoltan", "ZOLTAN", "Baker", "Baker, Zoltan", "415-867-5309", "zoltan baker", "Zoltan"]
    code = "ZoltanLib Zoltan.run() Zoltan( zoltan@x.org x/Zoltan Zoltan."
    assert [f.start for f in repeats.find(code)] == [code.rindex("Zoltan")]
    assert not repeats.add([("PERSON", "Zoltan Baker")])
    nothing = Repeats()
    nothing.add([("PERSON", "Will"), ("PERSON", "Xyzq")])
    assert nothing.find("Will you? Xyzq it.") == []


def test_what_is_no_name_is_not_repeated() -> None:
    """Words that a model takes for persons; two of them are German first names as well."""
    repeats = Repeats()
    assert not repeats.add(
        [("PERSON", v) for v in ("SuSE", "LILO", "install LILO", "linux IPC", "Red Hat", "Sparc")]
    )
    assert repeats.find("SuSE and LILO on Sparc, Red Hat") == []


def test_repeats_can_be_switched_off(scanner: Scanner) -> None:
    turns = ["I am Zoltan Smith.", "Who is Zoltan?"]
    messages = [[{"role": "user", "content": turn} for turn in turns]]
    on, off = (
        mask(messages, scanner, Operators(PiiConfig(whole_record=whole)))[0].messages[1]["content"]
        for whole in (True, False)
    )
    assert (on, off) == ("Who is <PERSON>?", "Who is Zoltan?")


# --- key and vault ----------------------------------------------------------------------------------------------


def test_another_key_other_names(monkeypatch: pytest.MonkeyPatch) -> None:
    config = PiiConfig(operator=Operator.pseudonym)
    one = judged(config, record(("user", "John Smith is here.")))
    print_ = fingerprint(config)
    monkeypatch.setenv("TUNEPROOF_PII_KEY", SECRET[::-1])
    assert judged(config, record(("user", "John Smith is here.")))[0]["messages"] != one[0]["messages"]
    assert fingerprint(config) != print_ and SECRET not in print_
    assert fingerprint(PiiConfig()) == fingerprint(PiiConfig(operator=Operator.partial))
    assert "key:" not in fingerprint(PiiConfig())


def test_no_key_is_said_before_the_work(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("TUNEPROOF_PII_KEY")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    for config in (PiiConfig(operator=Operator.hash), PiiConfig(operators={"PERSON": Operator.surrogate})):
        with pytest.raises(UserError, match="there is no key"):
            fingerprint(config)
    with pytest.raises(UserError, match="there is no key"):
        fingerprint(PiiConfig(vault=str(tmp_path / "a.vault")))


@EVERY
def test_what_goes_to_the_vault_comes_back(operator: Operator, tmp_path: Path) -> None:
    path = tmp_path / "a.vault"
    config = PiiConfig(operator=operator, vault=str(path))
    with pytest.raises(VaultError, match="there is no vault"):
        fingerprint(config)
    with Vault.create(path, load_key()):
        pass
    assert "vault:" in fingerprint(config)
    said = judge(FrameRecords.of(record(*DIALOGUE, record_id="abcd0123")), config)
    keep_originals(said, config)
    keep_originals(said, config)  # after a crash it is done again
    with Vault.open(path, load_key()) as vault:
        originals = [r.original for r in vault.reveal("abcd", because="test")]
        assert originals.count("john.smith@acme.com") == 3 and "John Smith" in originals
        assert vault.records("Smith, John") == vault.records("MARIA garcia") == ["abcd0123"]
        (messages,) = said["messages"].to_list()
        for entry in vault.entries("abcd"):
            assert (
                messages[entry.message]["content"][entry.start : entry.end] == json.dumps(entry.token)[1:-1]
            )
    assert b"smith" not in path.read_bytes().lower()
