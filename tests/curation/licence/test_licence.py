"""What people write is read, AND, OR and WITH mean what they say, and each reason is given for what it says."""

from __future__ import annotations

import random
from itertools import product
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from curation.licence import COLUMNS, LicenceConfig, judge, judge_batch
from curation.licence.names import NAMES, spdx_id
from curation.licence.policies import POLICIES
from curation.licence.rules import Standing, read, rules_of
from curation.licence.spdx import Licence, known, parse
from data.errors import ConfigError
from data.records import FrameRecords

READ = {
    "MIT": "MIT",
    "mit": "MIT",
    "MIT License": "MIT",
    "The MIT License (MIT)": "MIT",
    "Apache 2.0": "Apache-2.0",
    "Apache License, Version 2.0": "Apache-2.0",
    "http://www.apache.org/licenses/LICENSE-2.0": "Apache-2.0",
    "Apache-2.0+": "Apache-2.0",
    "BSD 3-Clause License": "BSD-3-Clause",
    "CC BY 4.0": "CC-BY-4.0",
    "cc-by-sa-4.0": "CC-BY-SA-4.0",
    "CC_BY-SA 4.0": "CC-BY-SA-4.0",
    "Creative Commons Attribution-ShareAlike 4.0 International (CC BY-SA 4.0)": "CC-BY-SA-4.0",
    "Attribution 4.0 International": "CC-BY-4.0",
    "https://creativecommons.org/licenses/by-nc-sa/3.0/": "CC-BY-NC-SA-3.0",
    "http://creativecommons.org/licenses/by/3.0/us/legalcode": "CC-BY-3.0-US",
    "https://creativecommons.org/publicdomain/zero/1.0/deed.en": "CC0-1.0",
    "CC0 1.0 Universal": "CC0-1.0",
    "CC0": "CC0-1.0",
    "ODbL": "ODbL-1.0",
    "Open Government Licence v3.0": "OGL-UK-3.0",
    "GPLv3": "GPL-3.0-only",
    "GPL-2.0+": "GPL-2.0-or-later",
    "GPL-2.0 or later": "GPL-2.0-or-later",
    "GNU General Public License v2 or later": "GPL-2.0-or-later",
    "gpl-2.0 with classpath-exception-2.0": "GPL-2.0-only WITH Classpath-exception-2.0",
    "public domain": "LicenseRef-public-domain",
}
UNREAD = (
    "CC BY",  # which version?
    "BSD",
    "Apache License 2.0 (modified)",
    "The MIT License (GPLv3)",
    "MIT, Apache-2.0",  # both, or either?
    "MIT AND",
    "()",
    "(",
    "ask the author OR MIT",
    "MIT WITH Apache-2.0",
    "MIT WITH LicenseRef-mine",
    "Copyright 2019 Jane Doe, all rights reserved",
    "x" * 5_000,
)


@pytest.mark.parametrize("text", READ)
def test_what_people_write_is_read(text: str) -> None:
    licence = read(text)
    assert isinstance(licence, Licence)
    assert str(licence) == READ[text]


@pytest.mark.parametrize("text", UNREAD, ids=lambda text: text[:30])
def test_what_could_mean_anything_is_not_read(text: str) -> None:
    assert read(text) is None


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("MIT/Apache-2.0", "MIT OR Apache-2.0"),
        ("MIT License and CC BY 4.0", "MIT AND CC-BY-4.0"),
        ("(MIT License or Apache 2.0) and CC0", "(MIT OR Apache-2.0) AND CC0-1.0"),
    ],
)
def test_usual_names_stand_in_expressions(text: str, same: str) -> None:
    assert read(text) == parse(same) is not None


def test_every_id_of_the_tables_is_on_the_list() -> None:
    licences = known().licences
    listed = {name for ids in POLICIES.values() if ids for name in ids}
    assert {name for name in listed if licences.get(name) != name} == set()
    custom = {"LicenseRef-public-domain"}
    assert {name for name in NAMES.values() if licences.get(name) != name} == custom


def test_every_spdx_id_is_itself() -> None:
    """No name or phrase of the tables makes another licence of an SPDX id."""
    for written, licence in known().licences.items():
        assert spdx_id(written) in (None, licence)
        assert read(written) == Licence(licence)


def test_no_policy_allows_what_forbids_commercial_use_or_adaptations() -> None:
    for ids in POLICIES.values():
        assert not [name for name in ids or () if "-NC" in name or "-ND" in name]


ATOMS = ("MIT", "CC0-1.0", "CC-BY-4.0", "GPL-3.0-only", "CC-BY-NC-4.0")
trees = st.recursive(
    st.sampled_from(ATOMS), lambda part: st.tuples(st.sampled_from(("AND", "OR")), part, part), max_leaves=6
)


def written(tree: Any) -> str:
    return tree if isinstance(tree, str) else f"({written(tree[1])} {tree[0]} {written(tree[2])})"


def alternatives(tree: Any) -> list[frozenset[str]]:
    """Every set of licences that one can end up under by choosing at each OR."""
    if isinstance(tree, str):
        return [frozenset((tree,))]
    left, right = alternatives(tree[1]), alternatives(tree[2])
    return left + right if tree[0] == "OR" else [a | b for a, b in product(left, right)]


@given(trees, st.sets(st.sampled_from(ATOMS), min_size=1), st.sets(st.sampled_from(ATOMS)))
def test_an_expression_is_allowed_if_some_choice_is(tree: Any, allow: set[str], deny: set[str]) -> None:
    rules = rules_of(LicenceConfig(enabled=True, policy="listed", allow=sorted(allow), deny=sorted(deny)))
    expression = read(written(tree))
    assert expression is not None
    fits = any(choice <= allow - deny for choice in alternatives(tree))
    assert (rules.standing(expression) is Standing.allowed) == fits
    assert bool(list(rules.objections(expression))) or fits


@given(trees, st.sets(st.sampled_from(ATOMS), min_size=1), st.sampled_from(ATOMS))
def test_allowing_more_and_denying_less_never_hurts(tree: Any, allow: set[str], one: str) -> None:
    expression = read(written(tree))
    assert expression is not None

    def standing(allow: set[str], deny: list[str]) -> Standing:
        config = LicenceConfig(enabled=True, policy="listed", allow=sorted(allow), deny=deny)
        return rules_of(config).standing(expression)

    assert standing(allow, [one]) <= standing(allow, []) <= standing(allow | {one}, [])


@given(st.one_of(st.text(max_size=60), st.text("MITANDORWH() .-+/,", max_size=40)))
@example("(/0")  # the parser's own assertion fails on it
def test_any_text_is_read_or_not_but_never_breaks(text: str) -> None:
    read(text)


def rows(*licences: str | None) -> FrameRecords:
    said = [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]
    return FrameRecords.of(*({"messages": said, "licence": licence} for licence in licences))


STATED = (
    ("MIT", None),
    ("CC BY-SA 4.0", None),
    (None, ("tag", "licence_missing", None)),
    ("  ", ("tag", "licence_missing", None)),
    ("Unknown", ("tag", "licence_missing", None)),
    ("NOASSERTION", ("tag", "licence_missing", None)),
    ("CC BY", ("tag", "licence_unknown", "a version is missing, as in CC-BY-4.0")),
    ("Ask jane.doe@example.com", ("tag", "licence_unknown", "no SPDX expression, 24 characters")),
    ("LicenseRef-x", ("tag", "licence_unknown", "a LicenseRef that neither licence.allow nor licence.deny names")),
    ("MIT OR LicenseRef-x", None),
    ("CC BY-NC 4.0", ("drop", "licence_incompatible", "CC-BY-NC-4.0: not in policy commercial")),
    ("CC-BY-NC-4.0 OR MIT", None),
    (
        "CC-BY-NC-4.0 AND MIT AND LicenseRef-x",
        ("drop", "licence_incompatible", "CC-BY-NC-4.0: not in policy commercial"),
    ),
)  # fmt: skip


def test_each_reason() -> None:
    found = judge(rows(*(licence for licence, _ in STATED)), LicenceConfig(enabled=True))
    expected = [(f"r{at:03d}", *said) for at, (_, said) in enumerate(STATED) if said]
    assert found.select("record_id", "action", "reason", "detail").rows() == expected


def reasons(licence: str, **settings: Any) -> list[str]:
    return judge(rows(licence), LicenceConfig(enabled=True, **settings))["reason"].to_list()


def test_policies_differ() -> None:
    by_sa, nc = "CC-BY-SA-4.0", "CC-BY-NC-4.0"
    assert reasons(by_sa, policy="permissive") == ["licence_incompatible"]
    assert reasons(by_sa, policy="commercial") == []
    assert reasons(nc, policy="commercial") == ["licence_incompatible"]
    assert reasons(nc, policy="any") == []
    assert reasons("MIT", policy="listed", allow=["CC0"]) == ["licence_incompatible"]
    assert reasons(nc, policy="permissive", allow=["CC BY-NC 4.0"]) == []
    assert reasons("LicenseRef-deal-7", allow=["LicenseRef-deal-7"]) == []


def test_deny_wins() -> None:
    config = LicenceConfig(enabled=True, policy="any", allow=["MIT"], deny=["MIT License", "LicenseRef-bad"])
    found = judge(rows("MIT", "MIT OR ISC", "MIT AND ISC", "LicenseRef-bad"), config)
    denied = ("licence_incompatible", "MIT: denied")
    assert found.select("record_id", "reason", "detail").rows() == [
        ("r000", *denied), ("r002", *denied), ("r003", "licence_incompatible", "a LicenseRef: denied"),
    ]  # fmt: skip


def test_an_exception_only_permits_more() -> None:
    java = "GPL-2.0-only WITH Classpath-exception-2.0"
    assert reasons(java) == []
    assert reasons(java, policy="permissive") == ["licence_incompatible"]
    assert reasons(java, policy="permissive", allow=[java]) == []
    assert reasons("GPL-2.0-only", policy="permissive", allow=[java]) == ["licence_incompatible"]
    assert reasons(java, deny=["GPL-2.0-only"]) == ["licence_incompatible"]
    assert reasons("GPL-2.0-only", deny=[java]) == []


def test_doubtful_records_are_dropped_where_that_is_asked_for() -> None:
    found = judge(rows(None, "CC BY", "MIT"), LicenceConfig(enabled=True, missing="drop", unknown="drop"))
    assert found.select("action", "reason").rows() == [
        ("drop", "licence_missing"),
        ("drop", "licence_unknown"),
    ]


def test_batches_shuffling_and_off() -> None:
    records = rows(*(licence for licence, _ in STATED))
    config = LicenceConfig(enabled=True)
    expected = judge(records, config)
    batches = [judge_batch(batch, config) for batch in records.batches(*COLUMNS, rows=3)]
    assert [row for batch in batches for row in batch.rows()] == expected.rows()
    shuffled = (
        records.frame(*COLUMNS)
        .collect()
        .sample(fraction=1, shuffle=True, seed=random.Random(1).randrange(99))
    )
    assert judge_batch(shuffled, config).equals(expected)
    assert judge(records, LicenceConfig()).is_empty()


@pytest.mark.parametrize(
    ("settings", "message", "hint"),
    [
        ({"policy": "permisive"}, "licence.policy=permisive is unknown", "did you mean 'permissive'?"),
        ({"missing": "keep"}, "licence.missing=keep is unknown", "drop, tag"),
        ({"policy": "listed"}, "licence.allow is empty", "'licence.allow=[CC0-1.0,CC-BY-4.0]'"),
        (
            {"allow": ["CC BY"]},
            "licence.allow holds 'CC BY', which is no SPDX id",
            "did you mean 'CC-BY-4.0'?",
        ),
        (
            {"deny": ["MIT OR ISC"]},
            "licence.deny holds 'MIT OR ISC', which is several",
            "name each by itself",
        ),
    ],
)
def test_bad_settings_are_named(settings: dict[str, Any], message: str, hint: str) -> None:
    with pytest.raises(ConfigError) as caught:
        LicenceConfig(enabled=True, **settings)
    assert message in caught.value.problem
    assert hint in "\n".join(caught.value.hints)
