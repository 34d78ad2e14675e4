"""A small benchmark about the made-up catalogue, and training rows that give some of its items away."""

from __future__ import annotations

import random
from copy import deepcopy
from typing import Any

from data.samples.catalogue import Catalogue
from data.samples.rows import Row

LEAKED = 26
CHOICES = 4


def benchmark_items(catalogue: Catalogue, rng: random.Random) -> list[dict[str, Any]]:
    """Multiple-choice items: question, choices (texts), answer (position of the right one, from 0)."""
    campaigns = list(catalogue.campaigns)
    items = []
    for campaign in campaigns:
        others = rng.sample([c.readers for c in campaigns if c is not campaign], CHOICES - 1)
        items.append(
            _item(
                f"In the {catalogue.brand} catalogue of last year, which group of readers was the {campaign.product} "
                "first made for?",
                campaign.readers, others, rng,
            )
        )  # fmt: skip
    for campaign in rng.sample(campaigns, 32):
        others = rng.sample(
            sorted(
                {b for c in campaigns if c.category != campaign.category for b in c.benefits}
                - set(campaign.benefits)
            ),
            CHOICES - 1,
        )
        items.append(
            _item(
                f"Looking at the product card that {catalogue.brand} prints for its {campaign.product}, what does the card "
                "promise?",
                f"it {rng.choice(campaign.benefits)}", [f"it {other}" for other in others], rng,
            )
        )  # fmt: skip
    return items


def plant_benchmark(rows: list[Row], items: list[dict[str, Any]], rng: random.Random) -> list[Row]:
    """New rows that hold an item: half word for word, half in other case and punctuation."""
    originals = rng.sample([row for row in rows if row.task == "email"], LEAKED)
    made = []
    for number, (original, place) in enumerate(
        zip(originals, rng.sample(range(len(items)), LEAKED), strict=True)
    ):
        item = items[place]
        row = deepcopy(original)
        question = str(item["question"])
        verbatim = number % 2 == 0
        if not verbatim:
            question = question.upper().replace(",", " -").replace("?", " ...")
        row.user = f"A customer wrote in. {question}"
        row.answer = f"Dear customer, it is {item['choices'][item['answer']]}. We hope that this helps."
        row.plants = [
            {
                "kind": "benchmark",
                "what": "verbatim" if verbatim else "other case and punctuation",
                "item": place,
            }
        ]
        made.append(row)
    return made


def _item(question: str, right: str, wrong: list[str], rng: random.Random) -> dict[str, Any]:
    choices = [right, *wrong]
    rng.shuffle(choices)
    return {"question": question, "choices": choices, "answer": choices.index(right)}
