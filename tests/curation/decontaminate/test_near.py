"""The near-duplicate rule against its definition, with hits that no other rule finds, and near misses."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path
from typing import Any

import pytest

from curation.decontaminate import DecontaminateConfig, hits_per_task, judge
from curation.decontaminate.near import TEMPLATE_ITEMS
from data.errors import ConfigError
from data.records import FrameRecords

VOCABULARY = [
    f"{a}{b}" for a in ("ba", "ko", "mi", "tu", "re", "sa") for b in ("lon", "dar", "vik", "nes", "pol")
]


def user(text: str, answer: str = "Let us see.") -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": text}, {"role": "assistant", "content": answer}]}


def question(chosen: random.Random, words: int = 60) -> str:
    return " ".join(chosen.choices(VOCABULARY, k=words))


def written(path: Path, questions: list[str]) -> str:
    path.write_text("\n".join(json.dumps({"question": text}) for text in questions))
    return str(path)


def jaccard(a: str, b: str, width: int = 5) -> float:
    """Of the sets of word n-grams, by definition."""

    def grams(text: str) -> set[tuple[str, ...]]:
        words = re.findall(r"\w+", text.lower())
        return {tuple(words[n : n + width]) for n in range(len(words) - width + 1)}

    return len(grams(a) & grams(b)) / len(grams(a) | grams(b))


def edited(text: str, every: int, chosen: random.Random) -> str:
    """One word in `every` exchanged."""
    words = text.split()
    for place in range(every // 2, len(words), every):
        words[place] = chosen.choice("xyz") + words[place]
    return " ".join(words)


def test_words_exchanged_here_and_there_are_found_where_no_other_rule_sees_anything(tmp_path: Path) -> None:
    chosen = random.Random(3)
    item = question(chosen, 240)
    # No 13 words in a row are left at one in 13; the similarity is far below the default there, so it is lowered.
    text = edited(item, 13, chosen)
    config = DecontaminateConfig(against=[written(tmp_path / "quiz.jsonl", [item])], near_threshold=0.4)
    found = judge(FrameRecords.of(user(text)), config)
    score = jaccard(item, text)
    assert found.select("action", "reason", "detail").rows() == [
        ("drop", "decontaminate_near", f"quiz item 0, Jaccard {score:.3f} to the user message")
    ]
    assert found["score"].item() == pytest.approx(score)
    assert hits_per_task(found).rows() == [("quiz", "decontaminate_near", 1)]
    config.near_threshold = 0
    assert judge(FrameRecords.of(user(text)), config).is_empty()


def test_what_is_found_is_what_the_definition_finds(tmp_path: Path) -> None:
    chosen = random.Random(11)
    items = [question(chosen) for _ in range(30)]
    records = [edited(chosen.choice(items), chosen.choice((10, 20, 30, 40)), chosen) for _ in range(120)]
    config = DecontaminateConfig(
        against=[written(tmp_path / "quiz.jsonl", items)],
        min_overlap=1.0,
        contain_words=50,
        near_threshold=0.6,
    )
    found = judge(FrameRecords.of(*(user(text) for text in records)), config)
    best = {f"r{n:03d}": max(jaccard(item, text) for item in items) for n, text in enumerate(records)}
    expected = {record: score for record, score in best.items() if score >= 0.6}
    assert 20 < len(expected) < 100
    near = found.filter(reason="decontaminate_near")
    assert dict(near.select("record_id", "score").iter_rows()) == pytest.approx(expected)


def test_an_answer_is_compared_too(tmp_path: Path) -> None:
    chosen = random.Random(5)
    item = question(chosen)
    row = user("Give one.", edited(item, 60, chosen))
    found = judge(
        FrameRecords.of(row), DecontaminateConfig(against=[written(tmp_path / "quiz.jsonl", [item])])
    )
    assert found["reason"].to_list() == ["decontaminate_near"]
    assert found["detail"].item().endswith("to the assistant message")


def test_an_item_too_short_to_be_contained_is_too_short_to_be_near(tmp_path: Path) -> None:
    item = question(random.Random(5), 10)
    records = FrameRecords.of(user(f"{item} so"))
    assert jaccard(item, f"{item} so") > 0.8
    against = [written(tmp_path / "quiz.jsonl", [item])]
    assert judge(records, DecontaminateConfig(against=against, contain_words=11)).is_empty()
    assert judge(records, DecontaminateConfig(against=against, contain_chars=200)).is_empty()
    assert judge(records, DecontaminateConfig(against=against)).height == 1


def test_what_is_like_many_items_is_like_their_template(tmp_path: Path) -> None:
    chosen = random.Random(8)
    template = question(chosen, 80)
    items = [f"{template} {chosen.choice(VOCABULARY)}{n} {n}" for n in range(TEMPLATE_ITEMS + 1)]
    record = FrameRecords.of(user(f"{template} something else"))
    assert jaccard(items[0], f"{template} something else") > 0.9
    few = DecontaminateConfig(against=[written(tmp_path / "few.jsonl", items[:-1])], min_overlap=1.0)
    many = DecontaminateConfig(against=[written(tmp_path / "many.jsonl", items)], min_overlap=1.0)
    assert judge(record, few)["reason"].to_list() == ["decontaminate_near"]
    assert judge(record, many).is_empty()


def test_a_wrong_threshold_names_the_key() -> None:
    with pytest.raises(ConfigError, match=r"decontaminate\.near_threshold=0\.1 is outside"):
        DecontaminateConfig(near_threshold=0.1)
