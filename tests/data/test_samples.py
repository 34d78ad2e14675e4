"""The sample is what its generator makes, and holds what its README and its list of plants say."""

from __future__ import annotations

import ast
import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import data.samples
from data.samples.generate import SEED, make

FOLDER = Path(data.samples.__file__).parent


@pytest.fixture(scope="module")
def made() -> dict[str, bytes]:
    return make(SEED)


@pytest.fixture(scope="module")
def plants() -> list[dict[str, Any]]:
    return [json.loads(line) for line in (FOLDER / "planted.jsonl").read_text().splitlines()]


def raw_lines() -> list[bytes]:
    return (FOLDER / "marketing.jsonl").read_bytes().split(b"\n")[:-1]


def row(line: int) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(raw_lines()[line - 1])
    return value


def grams(text: str) -> set[tuple[str, ...]]:
    words = re.findall(r"\w+", text.lower())
    return {tuple(words[i : i + 5]) for i in range(max(1, len(words) - 4))}


def whole(line: int) -> str:
    return "\n".join(m["content"] for m in row(line)["messages"])


def jaccard(left: str, right: str) -> float:
    a, b = grams(left), grams(right)
    return len(a & b) / len(a | b)


def test_the_committed_files_are_what_the_generator_makes(made: dict[str, bytes]) -> None:
    for name, content in made.items():
        assert (FOLDER / name).read_bytes() == content, f"{name}: run python -m data.samples.generate"
    assert sum(map(len, made.values())) < 1_500_000


def test_another_seed_makes_another_sample(made: dict[str, bytes]) -> None:
    assert make(SEED + 1)["marketing.jsonl"] != made["marketing.jsonl"]


def test_the_plants_are_as_many_as_the_readme_says(plants: list[dict[str, Any]]) -> None:
    counts = Counter(plant["kind"] for plant in plants)
    assert counts == {
        "pii": 97, "near_duplicate": 60, "exact_duplicate": 42, "low_quality": 30, "benchmark": 26, "decoy": 20,
        "broken": 12,
    }  # fmt: skip
    assert len(raw_lines()) == 1438
    # A line has one kind of plant.
    kinds: dict[int, set[str]] = {}
    for plant in plants:
        kinds.setdefault(plant["line"], set()).add(plant["kind"])
    assert all(len(found) == 1 for found in kinds.values())


def test_planted_copies_are_as_similar_as_stated(plants: list[dict[str, Any]]) -> None:
    for plant in plants:
        if plant["kind"] in ("near_duplicate", "decoy"):
            counted = jaccard(whole(plant["line"]), whole(plant["partner_line"]))
            assert counted == pytest.approx(plant["jaccard"], abs=1e-4)
            assert (counted >= 0.8) == (plant["kind"] == "near_duplicate")
        if plant["kind"] == "exact_duplicate":
            left, right = ("".join(whole(plant[key]).lower().split()) for key in ("line", "partner_line"))
            assert left == right


def test_clean_rows_do_not_repeat_one_another(plants: list[dict[str, Any]]) -> None:
    touched = {plant["line"] for plant in plants}
    sets = [grams(whole(n)) for n in range(1, len(raw_lines()) + 1) if n not in touched]
    holders: dict[tuple[str, ...], list[int]] = {}
    for number, own in enumerate(sets):
        for gram in own:
            holders.setdefault(gram, []).append(number)
    shared: Counter[tuple[int, int]] = Counter()
    for numbers in holders.values():
        if len(numbers) <= 60:  # the system message stands in all of them
            shared.update((a, b) for i, a in enumerate(numbers) for b in numbers[i + 1 :])
    common = len([1 for numbers in holders.values() if len(numbers) > 60])
    most = max((n + common) / (len(sets[a]) + len(sets[b]) - n - common) for (a, b), n in shared.items())
    assert most < 0.75


def test_products_and_readers_stay_in_their_campaign() -> None:
    from random import Random

    from data.samples.catalogue import load_catalogue

    catalogue = load_catalogue(Random(SEED))
    campaigns = [*catalogue.campaigns, *catalogue.unseen]
    for attribute in ("product", "readers"):
        values = [getattr(campaign, attribute) for campaign in campaigns]
        assert len(set(values)) == len(values)
    older = [campaign.older for campaign in campaigns if campaign.older]
    assert len(set(older)) == len(older) >= 20


def test_unseen_templates_are_unseen() -> None:
    # By pattern, since some lines are damaged on purpose.
    seen, unseen = (
        set(re.findall(rb'"template": "(\w+)"', (FOLDER / name).read_bytes()))
        for name in ("marketing.jsonl", "unseen_template.jsonl")
    )
    assert len(seen) == 8
    assert len(unseen) == 2
    assert not seen & unseen


def test_the_generator_shares_no_code_with_the_detectors() -> None:
    for path in FOLDER.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom):
                assert node.module is not None
                assert node.module.split(".")[0] != "curation"
                assert not node.module.startswith("data.") or node.module.startswith("data.samples"), path
