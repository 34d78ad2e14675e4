"""The clean rows of the sample, before anything is planted in them."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from data.samples.catalogue import OLDER_BAND, Campaign, Catalogue
from data.samples.emails import (
    SUBJECT_TEMPLATES,
    TEMPLATES,
    TONES,
    UNSEEN_TEMPLATES,
    Brief,
    Wording,
    draw_wording,
    email,
    prompt,
    subject_line,
)
from data.samples.overlap import jaccard

EMAILS_PER_CAMPAIGN = 11
UNSEEN_PER_CAMPAIGN = 12
SOURCES = {"crm_export": 5, "agency_archive": 3, "copywriter_team": 2}
LICENCES = {"crm_export": "CC0-1.0", "agency_archive": "CC-BY-4.0", "copywriter_team": "CC0-1.0"}
REGIONS = {"UK": 7, "US": 6, "EU": 5, "APAC": 2}
FIRST_DAY = datetime(2025, 9, 1, 8)
MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
# No two clean rows may share more word 5-grams than this, whole or by part; far under any duplicate threshold.
MOST_SHARED = 0.6


@dataclass(slots=True)
class Row:
    """One row to be written, and what it was rendered from.

    `plants` are the sidecar's entries without line numbers; `partner` is the row that a copy was made of;
    `damage` names how the row's line is broken when it is written.
    """

    campaign: Campaign
    brief: Brief
    wording: Wording
    task: str
    system: str
    user: str
    answer: str
    columns: dict[str, Any]
    plants: list[dict[str, Any]] = field(default_factory=list)
    partner: Row | None = None
    damage: str | None = None

    @property
    def prompt(self) -> str:
        """System and user message, a newline between them."""
        return f"{self.system}\n{self.user}"

    @property
    def text(self) -> str:
        """All three messages."""
        return f"{self.prompt}\n{self.answer}"


def clean_rows(catalogue: Catalogue, rng: random.Random) -> list[Row]:
    """The e-mails and subject lines of all campaigns that may be trained on."""
    rows: list[Row] = []
    for campaign in catalogue.campaigns:
        plan = ["email"] * EMAILS_PER_CAMPAIGN + ["subject_line"]
        older = {0, 1} if campaign.older and rng.random() < 0.5 else {0} if campaign.older else set()
        own: list[Row] = []
        for place, task in enumerate(plan):
            templates = TEMPLATES if task == "email" else SUBJECT_TEMPLATES
            own.append(_distinct(catalogue, campaign, list(templates), task, place in older, own, rng))
        rows.extend(own)
    return rows


def unseen_rows(catalogue: Catalogue, rng: random.Random) -> list[Row]:
    """E-mails on prompt templates, products and readers that the training file does not have."""
    rows: list[Row] = []
    for campaign in catalogue.unseen:
        own: list[Row] = []
        for _ in range(UNSEEN_PER_CAMPAIGN):
            own.append(_distinct(catalogue, campaign, list(UNSEEN_TEMPLATES), "email", False, own, rng))
        rows.extend(own)
    return rows


def render(
    catalogue: Catalogue,
    campaign: Campaign,
    brief: Brief,
    wording: Wording,
    task: str,
    columns: dict[str, Any],
) -> Row:
    """The row of one brief."""
    answer = email(brief, wording, catalogue.brand) if task == "email" else subject_line(brief, wording)
    return Row(campaign, brief, wording, task, catalogue.system, prompt(brief), answer, columns)


def deadline_after(moment: datetime, days: int) -> str:
    """A date as the brand writes it, such as "12 June"; no locale is consulted."""
    day = moment + timedelta(days=days)
    return f"{day.day} {MONTHS[day.month - 1]}"


def draw_columns(rng: random.Random) -> dict[str, Any]:
    """Where and when a row is from."""
    source = rng.choices(list(SOURCES), weights=list(SOURCES.values()))[0]
    moment = FIRST_DAY + timedelta(minutes=rng.randrange(330 * 24 * 60))
    return {
        "source": source,
        "licence": LICENCES[source],
        "language": "en",
        "timestamp": f"{moment.isoformat()}Z",
        "region": rng.choices(list(REGIONS), weights=list(REGIONS.values()))[0],
    }


def _distinct(
    catalogue: Catalogue,
    campaign: Campaign,
    templates: list[str],
    task: str,
    older: bool,
    own: list[Row],
    rng: random.Random,
) -> Row:
    """A new row of the campaign that is no near-duplicate of its earlier rows."""
    for _ in range(2000):
        row = _draw(catalogue, campaign, templates, task, older, rng)
        if all(_shared(row, earlier) < MOST_SHARED for earlier in own):
            return row
    raise RuntimeError(f"no distinct row found for campaign {campaign.id}; add phrases to the catalogue")


def _draw(
    catalogue: Catalogue, campaign: Campaign, templates: list[str], task: str, older: bool, rng: random.Random
) -> Row:
    columns = draw_columns(rng)
    first, second = rng.sample(campaign.benefits, 2)
    moment = datetime.fromisoformat(columns["timestamp"].removesuffix("Z"))
    brief = Brief(
        product=campaign.product,
        readers=campaign.older if older and campaign.older else campaign.readers,
        first=first,
        second=second,
        offer=rng.choice(catalogue.offers),
        deadline=deadline_after(moment, rng.randrange(6, 45)),
        tone=rng.choice(TONES),
        template=rng.choice(templates),
    )
    columns["audience"] = OLDER_BAND if older and campaign.older else campaign.band
    return render(catalogue, campaign, brief, draw_wording(rng), task, columns)


def _shared(one: Row, other: Row) -> float:
    """The greatest Jaccard of the two rows' user messages, answers and whole texts."""
    pairs = ((one.user, other.user), (one.answer, other.answer), (one.text, other.text))
    return max(jaccard(left, right) for left, right in pairs)
