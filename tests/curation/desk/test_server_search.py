"""Searching on the real server, through Argilla's own route: words, filters, orders, similarity, progress."""

from __future__ import annotations

import json
import sqlite3
import time
from contextlib import closing

import pytest

TEXTS = {
    "a": ("Please refund my order, the parcel never came.", "Refund the customer"),
    "b": ("The parcel came broken; I want my money back!", "Apologise, then refund"),
    "c": ("How do I change my password?", "Open the settings"),
    "d": ("Das Café schließt um acht 🙂", "The café closes at eight"),
    "e": ("返品したい、荷物が壊れていた", "They want to return a broken parcel"),
}
RATING = {
    "name": "rating", "title": "How good?", "required": False,
    "settings": {"type": "rating", "options": [{"value": value} for value in range(1, 6)]},
}  # fmt: skip
VERDICT = {
    "name": "verdict", "title": "Keep, fix or drop?", "required": True,
    "settings": {"type": "label_selection", "options": [{"value": v, "text": v} for v in ("keep", "fix", "drop")]},
}  # fmt: skip
SCORES = dict(zip(TEXTS, (0.9, 0.2, 0.5, 0.7, 0.1), strict=True))
VECTORS = dict(zip(TEXTS, ([1, 0], [0.9, 0.1], [0, 1], [-1, 0], [0.7, 0.7]), strict=True))


@pytest.fixture(scope="module")
def letters(desk):
    """Five records with everything that can be searched for; answers by two annotators."""
    dataset = desk.dataset(
        "search",
        fields=("prompt", "answer"),
        questions=[VERDICT, RATING],
        metadata={"source": "terms", "score": "float", "words": "integer"},
        vectors={"meaning": 2},
        overlap=2,
    )
    desk.log(dataset, [
        {
            "external_id": name,
            "fields": {"prompt": prompt, "answer": answer},
            "metadata": {"source": ["mail", name], "score": SCORES[name], "words": len(prompt.split())},
            "suggestions": [
                {"question": "verdict", "value": "keep" if SCORES[name] > 0.4 else "drop",
                 "agent": "quality" if name < "d" else "dedup", "score": SCORES[name]},
                {"question": "rating", "value": round(5 * SCORES[name]) or 1, "agent": "quality", "score": 0.5},
            ],
            "vectors": {"meaning": VECTORS[name]},
        }
        for name, (prompt, answer) in TEXTS.items()
    ])  # fmt: skip
    ids = {item["record"]["external_id"]: item["record"]["id"] for item in desk.search(dataset)["items"]}
    desk.answer(ids["a"], {"verdict": "keep", "rating": 5}, "ann")
    desk.answer(ids["a"], {"verdict": "drop", "rating": 2}, "ben")
    desk.answer(ids["b"], {"verdict": "drop", "rating": 1}, "ann")
    desk.answer(ids["c"], {"verdict": "fix"}, "ann", "draft")
    desk.answer(ids["d"], {}, "ann", "discarded")
    return dataset, ids


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("parcel", "abe"),
        ("PARCEL came", "ab"),
        ('"my order"', "a"),
        ('"order my"', ""),
        ("parcel -broken", "a"),
        ('parcel -"never came"', "be"),
        ("-parcel", "cd"),
        ("pass*", "c"),
        ("pass", ""),
        ("refund | password", "abc"),
        ("refund order | settings -café", "ac"),
        ("cafe", "d"),
        ("🙂", "d"),
        ("荷物", "e"),
        ("荷物 parcel", "e"),
        ("-荷物 parcel", "ab"),
        ("parcel's", ""),
        ("?", "c"),
        ("   ", "abcde"),
        ('"', "abcde"),
        ('drop" OR f0 : *', ""),
        ("NEAR(parcel came)", ""),
    ],
)
def test_words(desk, letters, text: str, expected: str) -> None:
    dataset, _ = letters
    assert sorted(desk.found(dataset, text)) == sorted(expected)


def test_words_of_one_field_and_the_best_first(desk, letters) -> None:
    dataset, _ = letters
    assert sorted(desk.found(dataset, "refund", "prompt")) == ["a"]
    assert sorted(desk.found(dataset, "refund", "answer")) == ["a", "b"]
    assert desk.found(dataset, "refund") == ["a", "b"]  # twice in a, once in b
    scores = [
        item["query_score"] for item in desk.search(dataset, {"query": {"text": {"q": "refund"}}})["items"]
    ]
    assert scores[0] > scores[1] > 0


def test_the_index_follows_changed_and_deleted_records(desk) -> None:
    dataset = desk.dataset("follows")
    desk.log(dataset, [{"external_id": name, "fields": {"text": f"first {name}"}} for name in "pq"])
    assert sorted(desk.found(dataset, "first")) == ["p", "q"]
    desk.log(dataset, [{"external_id": "p", "fields": {"text": "second p"}}])
    assert desk.found(dataset, "first") == ["q"]
    assert desk.found(dataset, "second") == ["p"]
    gone = desk.search(dataset, {"query": {"text": {"q": "second"}}})["items"][0]["record"]["id"]
    desk.ask("DELETE", f"datasets/{dataset}/records", ids=gone)
    assert desk.found(dataset, "second") == []
    assert desk.search(dataset)["total"] == 1
    desk.ask("DELETE", f"datasets/{dataset}")
    assert not [one for one in desk.ask("GET", "me/datasets")["items"] if one["id"] == dataset]


def terms(values: list[str], **scope: str) -> dict:
    return {"type": "terms", "scope": scope, "values": values}


def between(low: float | None, high: float | None, **scope: str) -> dict:
    return {"type": "range", "scope": scope, **({"ge": low} if low is not None else {}),
            **({"le": high} if high is not None else {})}  # fmt: skip


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ([terms(["mail"], entity="metadata", metadata_property="source")], "abcde"),
        ([terms(["a", "c"], entity="metadata", metadata_property="source")], "ac"),
        ([between(0.5, None, entity="metadata", metadata_property="score")], "acd"),
        ([between(0.2, 0.5, entity="metadata", metadata_property="score")], "bc"),
        ([between(None, 6, entity="metadata", metadata_property="words")], "cde"),
        ([terms(["keep"], entity="suggestion", question="verdict", property="value")], "acd"),
        ([terms(["dedup"], entity="suggestion", question="verdict", property="agent")], "de"),
        ([between(0.6, 1, entity="suggestion", question="verdict", property="score")], "ad"),
        ([between(3, 5, entity="suggestion", question="rating", property="value")], "ad"),
        ([terms(["submitted"], entity="response", property="status")], "ab"),
        ([terms(["draft", "discarded"], entity="response", property="status")], "cd"),
        ([terms(["pending"], entity="response", property="status")], "e"),
        ([terms(["pending", "draft"], entity="response", property="status")], "ce"),
        ([terms(["drop"], entity="response", question="verdict")], "b"),
        ([between(2, None, entity="response", question="rating")], "a"),
        ([terms(["completed"], entity="record", property="status")], "a"),
        (
            [
                terms(["keep"], entity="suggestion", question="verdict", property="value"),
                between(0.6, None, entity="metadata", metadata_property="score"),
                terms(["pending"], entity="response", property="status"),
            ],
            "",
        ),
        (
            [
                terms(["keep"], entity="suggestion", question="verdict", property="value"),
                between(0.6, None, entity="metadata", metadata_property="score"),
            ],
            "ad",
        ),
    ],
)
def test_filters(desk, letters, filters: list[dict], expected: str) -> None:
    dataset, _ = letters
    # As ann: a filter on responses means the answers of whoever asks.
    found = desk.search(dataset, {"filters": {"and": filters}}, user="ann")
    assert sorted(desk.externals(found)) == sorted(expected)
    assert found["total"] == len(expected)


def test_words_and_filters_together(desk, letters) -> None:
    dataset, _ = letters
    body = {
        "query": {"text": {"q": "parcel"}},
        "filters": {"and": [between(0.2, None, entity="metadata", metadata_property="score")]},
        "sort": [{"scope": {"entity": "metadata", "metadata_property": "score"}, "order": "asc"}],
    }
    assert desk.externals(desk.search(dataset, body)) == ["b", "a"]


@pytest.mark.parametrize(
    ("scope", "order", "expected"),
    [
        ({"entity": "metadata", "metadata_property": "score"}, "desc", "adcbe"),
        ({"entity": "metadata", "metadata_property": "words"}, "asc", "ecdab"),
        ({"entity": "record", "property": "external_id"}, "desc", "edcba"),
        ({"entity": "suggestion", "question": "verdict", "property": "score"}, "asc", "ebcda"),
        ({"entity": "response", "question": "rating"}, "asc", "ba"),  # the others have none and come last
    ],
)
def test_orders(desk, letters, scope: dict, order: str, expected: str) -> None:
    dataset, _ = letters
    found = desk.externals(desk.search(dataset, {"sort": [{"scope": scope, "order": order}]}, user="ann"))
    assert "".join(found)[: len(expected)] == expected
    assert sorted(found) == list("abcde")


def test_similarity(desk, letters) -> None:
    dataset, ids = letters

    def near(**asked: object) -> list[str]:
        return desk.externals(
            desk.search(dataset, {"query": {"vector": {"name": "meaning", **asked}}}, limit=3)
        )

    assert near(value=[1, 0]) == ["a", "b", "e"]
    assert near(record_id=ids["a"]) == ["b", "e", "c"]  # not itself
    assert near(value=[1, 0], order="least_similar") == ["d", "c", "e"]
    both = {"text": {"q": "broken"}, "vector": {"name": "meaning", "value": [1, 0]}}
    found = desk.search(dataset, {"query": both})
    assert desk.externals(found) == ["b", "e"]
    assert found["items"][0]["query_score"] == pytest.approx((1 + 0.9 / (0.82**0.5)) / 2, abs=1e-4)
    # A vector written later is seen.
    desk.log(dataset, [{"external_id": "c", "fields": dict(zip(("prompt", "answer"), TEXTS["c"], strict=True)),
                        "vectors": {"meaning": [1, 0.001]}}])  # fmt: skip
    assert near(record_id=ids["a"])[0] == "c"
    desk.log(dataset, [{"external_id": "c", "fields": dict(zip(("prompt", "answer"), TEXTS["c"], strict=True)),
                        "vectors": {"meaning": VECTORS["c"]}}])  # fmt: skip


def test_each_annotator_has_an_own_order_that_stays(desk) -> None:
    dataset = desk.dataset("orders")
    desk.log(
        dataset, [{"external_id": f"{number}", "fields": {"text": f"text {number}"}} for number in range(60)]
    )
    first, again, other = (
        desk.externals(desk.search(dataset, user=name, limit=60)) for name in ("ann", "ann", "ben")
    )
    assert first == again != other
    assert sorted(first) == sorted(other)
    pages = [
        desk.externals(desk.search(dataset, user="ann", limit=20, offset=start)) for start in (0, 20, 40)
    ]
    assert [name for page in pages for name in page] == first
    # An answer moves nothing.
    desk.answer(
        desk.search(dataset, user="ann", limit=1)["items"][0]["record"]["id"], {"verdict": "keep"}, "ann"
    )
    assert desk.externals(desk.search(dataset, user="ann", limit=60)) == first


def test_progress_and_ranges(desk, letters) -> None:
    dataset, _ = letters
    assert desk.ask("GET", f"datasets/{dataset}/progress") == {
        "total": 5,
        "completed": 1,
        "pending": 4,
        "users": [],
    } | {"users": desk.ask("GET", f"datasets/{dataset}/progress")["users"]}
    mine = desk.ask("GET", f"me/datasets/{dataset}/metrics", user="ann")["responses"]
    assert (mine["submitted"], mine["draft"], mine["discarded"], mine["pending"]) == (2, 1, 1, 1)
    ids = {
        one["name"]: one["id"]
        for one in desk.ask("GET", f"me/datasets/{dataset}/metadata-properties")["items"]
    }
    ranges = {name: desk.ask("GET", f"metadata-properties/{id_}/metrics") for name, id_ in ids.items()}
    assert (ranges["score"]["min"], ranges["score"]["max"]) == (0.1, 0.9)
    assert ranges["words"]["min"] == 1
    assert ranges["source"]["values"][0] == {"term": "mail", "count": 5}


def test_a_changed_overlap_reaches_records_that_are_answered(desk) -> None:
    """The worker does it, through the desk's own Redis."""
    dataset = desk.dataset("overlap")
    desk.log(
        dataset,
        [{"external_id": "x", "fields": {"text": "one"}}, {"external_id": "y", "fields": {"text": "two"}}],
    )
    desk.answer(desk.search(dataset)["items"][0]["record"]["id"], {"verdict": "keep"}, "ann")
    assert desk.ask("GET", f"datasets/{dataset}/progress")["completed"] == 1
    desk.ask("PATCH", f"datasets/{dataset}", {"distribution": {"strategy": "overlap", "min_submitted": 2}})
    end = time.monotonic() + 30
    while desk.ask("GET", f"datasets/{dataset}/progress")["completed"] and time.monotonic() < end:
        time.sleep(0.2)
    assert desk.ask("GET", f"datasets/{dataset}/progress")["completed"] == 0


def test_searching_takes_no_lock(desk) -> None:
    """Argilla's own route would send what an annotator may not see as a change, and wait for whoever writes."""
    dataset = desk.dataset("reading", metadata={"shown": "terms"})
    desk.log(dataset, [
        {"external_id": f"{n}", "fields": {"text": f"text {n}"}, "metadata": {"shown": "yes", "hidden": "no"}}
        for n in range(12)
    ])  # fmt: skip
    with closing(sqlite3.connect(desk.home / "argilla.db", timeout=30, isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        found = desk.search(dataset, user="ann", limit=12, include=["responses", "suggestions"])["items"]
        writer.execute("ROLLBACK")
    assert [item["record"]["metadata"] for item in found] == [{"shown": "yes"}] * 12
    as_owner = desk.search(dataset, limit=12)["items"]
    assert [item["record"]["metadata"] for item in as_owner] == [{"shown": "yes", "hidden": "no"}] * 12


def test_metadata_that_is_no_json_ends_no_search(desk) -> None:
    """Argilla takes Infinity and stores it as Python writes it, which SQLite's JSON functions refuse."""
    dataset = desk.dataset("infinite", metadata={"score": "float"})
    items = [
        {"external_id": "a", "fields": {"text": "one"}, "metadata": {"score": 0.5}},
        {"external_id": "b", "fields": {"text": "two"}, "metadata": {"other": float("inf")}},
    ]
    answer = desk.as_user().put(
        f"datasets/{dataset}/records/bulk", content=json.dumps({"items": items}),
        headers={"Content-Type": "application/json"},
    )  # fmt: skip
    assert answer.is_success
    body = {
        "filters": {"and": [between(0, 1, entity="metadata", metadata_property="score")]},
        "sort": [{"scope": {"entity": "metadata", "metadata_property": "score"}, "order": "asc"}],
    }
    assert desk.externals(desk.search(dataset, body)) == ["a"]
    assert desk.externals(desk.search(dataset, {"sort": body["sort"]})) == ["a", "b"]
    assert desk.found(dataset, "two") == ["b"]
