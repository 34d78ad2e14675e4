"""Who sells what to whom: the campaigns of the made-up brand.

A campaign is one product with its readers; no product and no phrase for readers occurs in two campaigns,
so a split by campaign shares neither between training and test.
"""

from __future__ import annotations

import random
import tomllib
from dataclasses import dataclass, replace
from pathlib import Path

CATALOGUE = Path(__file__).with_name("catalogue.toml")
BANDS = ("18-29", "30-44", "45-59")
OLDER_BAND = "60+"
BENEFITS_PER_CAMPAIGN = 6
UNSEEN = "unseen"


@dataclass(frozen=True, slots=True)
class Campaign:
    """One product, the phrase for its readers, their age band, and what may be said of the product.

    `older` is a second phrase for readers of 60 and above; only some campaigns have one.
    """

    id: str
    category: str
    product: str
    readers: str
    band: str
    benefits: tuple[str, ...]
    older: str | None = None


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Everything that catalogue.toml says, with the campaigns drawn from it."""

    brand: str
    system: str
    offers: tuple[str, ...]
    campaigns: tuple[Campaign, ...]
    unseen: tuple[Campaign, ...]


def load_catalogue(rng: random.Random) -> Catalogue:
    """Read catalogue.toml and draw the campaigns: pairing, age bands and benefits come from `rng`."""
    content = tomllib.loads(CATALOGUE.read_text(encoding="utf-8"))
    campaigns: list[Campaign] = []
    for category in content["category"]:
        readers = list(category["audiences"])
        rng.shuffle(readers)
        for product, phrase in zip(category["products"], readers, strict=True):
            campaigns.append(
                Campaign(
                    id=f"c{len(campaigns):03d}",
                    category=category["name"],
                    product=product,
                    readers=phrase,
                    band=rng.choices(BANDS, weights=(3, 4, 2))[0],
                    benefits=tuple(rng.sample(category["benefits"], BENEFITS_PER_CAMPAIGN)),
                )
            )
    seen = [campaign for campaign in campaigns if campaign.category != UNSEEN]
    older = dict(
        zip(
            rng.sample(range(len(seen)), len(content["older_audiences"])),
            content["older_audiences"],
            strict=True,
        )
    )
    return Catalogue(
        brand=content["brand"],
        system=content["system"],
        offers=tuple(content["offers"]),
        campaigns=tuple(replace(campaign, older=older.get(place)) for place, campaign in enumerate(seen)),
        unseen=tuple(campaign for campaign in campaigns if campaign.category == UNSEEN),
    )
