"""From a brief to a prompt and to the e-mail that the brand would send.

The e-mail always has the same layout: subject, greeting, one opening line, two benefits, one call to action, the
sign-off. Tone picks the family of phrases, `Wording` the phrase; everything else is copied from the brief.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

SIGN_OFF = "Warmly, {brand}."


@dataclass(frozen=True, slots=True)
class Wording:
    """Which of a tone's phrases an e-mail uses: positions in `SUBJECTS`, `OPENINGS` and `CALLS`."""

    subject: int
    opening: int
    call: int


@dataclass(frozen=True, slots=True)
class Brief:
    """What the user asks for. `template` is a key of `TEMPLATES`, `tone` one of `TONES`."""

    product: str
    readers: str
    first: str
    second: str
    offer: str
    deadline: str
    tone: str
    template: str


SUBJECTS = {
    "playful": (
        "Psst, {product} inside!", "{product}, ta-da!", "Knock knock, {product}!", "Oh my, {product}!",
        "Boo! It is the {product}!", "{product}, wheee!",
    ),
    "calm": (
        "The {product}, with care.", "Gently, the {product}.", "Your quiet {product}.", "The {product}, no hurry.",
        "Made slowly: {product}.", "A softer day: {product}.",
    ),
    "crisp": (
        "New: {product}.", "{product}: the facts.", "{product}, in short.", "Ready: {product}.",
        "{product}, two reasons.", "Just in: {product}.",
    ),
}  # fmt: skip
OPENINGS = {
    "playful": (
        "Roll up your sleeves!", "We did a little dance!", "Big grin, small parcel!", "Guess what hopped out!",
        "We giggled all the way!", "Drum roll, please!",
    ),
    "calm": (
        "Take a slow breath.", "We took our time.", "There is room for this.", "We thought of you.",
        "Some days ask for little.", "Sit down for a moment.",
    ),
    "crisp": (
        "Here it is.", "Two good reasons.", "It does its job.", "You asked, we built.",
        "No long story.", "Read this, then decide.",
    ),
}  # fmt: skip
CALLS = {
    "playful": (
        "Hop over: {offer} until {deadline}!", "Quick, grab {offer} by {deadline}!",
        "Catch {offer} before {deadline}!", "Shh, {offer} till {deadline}!", "Treat yourself: {offer} up to {deadline}!",
    ),
    "calm": (
        "Until {deadline} we add {offer}.", "Whenever you like, up to {deadline}: {offer}.",
        "We keep {offer} for you until {deadline}.", "With thanks, {offer} until {deadline}.",
        "If it feels right: {offer}, until {deadline}.",
    ),
    "crisp": (
        "Order by {deadline}: {offer}.", "You get {offer} until {deadline}.", "Deal: {offer}, ends {deadline}.",
        "{deadline} ends it: {offer}.", "Now {offer}, by {deadline}.",
    ),
}  # fmt: skip
TONES = tuple(SUBJECTS)

TEMPLATES = {
    "fields": "Product: {product}\nFor: {readers}\nPoints: {first}; {second}\nDeal: {offer}, {deadline}\nTone: {tone}",
    "request": "Write to {readers}: the {product} {first} and {second}. Add {offer} until {deadline}. Be {tone}.",
    "memo": "{tone} mail, {product}, {readers}. First, {first}; then, {second}. {offer} ends {deadline}.",
    "question": "How would you sell {readers} our {product}? It {first}, {second}; {offer} by {deadline}. Keep {tone}.",
    "pipes": "{readers} | {tone} | {product} | {first} | {second} | {deadline} | {offer}",
    "told": "Until {deadline} {offer}. Tell {readers} our {product} {first}, also {second}. Sound {tone}.",
}
SUBJECT_TEMPLATES = {
    "subject_fields": "Only the subject line. {product} for {readers}: {first}, {second}. {offer}, {deadline}. {tone}.",
    "subject_request": "Just a subject, {tone}: our {product} {first} and {second}; {readers} get {offer} till {deadline}.",
}
# Never in the training file: other words, another order, another format.
UNSEEN_TEMPLATES = {
    "held_out_letter": (
        "Hi team! {deadline} closes {offer}, so hurry: {readers} need our {product}. I like it: {first}. "
        "Plus {second}. Something {tone}?"
    ),
    "held_out_slots": "mood={tone}; last={deadline}; deal={offer}; plus={first}; plus={second}; item={product}; to={readers}",
}
ALL_TEMPLATES = {**TEMPLATES, **SUBJECT_TEMPLATES, **UNSEEN_TEMPLATES}


def slots(brief: Brief) -> dict[str, str]:
    """The brief's values by the names that the phrases use."""
    names = ("product", "readers", "first", "second", "offer", "deadline", "tone")
    return {name: getattr(brief, name) for name in names}


def prompt(brief: Brief) -> str:
    """What the user asks."""
    return ALL_TEMPLATES[brief.template].format(**slots(brief))


def draw_wording(rng: random.Random) -> Wording:
    """A free choice of phrases."""
    return Wording(rng.randrange(6), rng.randrange(6), rng.randrange(5))


def subject_line(brief: Brief, wording: Wording) -> str:
    """The first line of the e-mail."""
    line = SUBJECTS[brief.tone][wording.subject].format(**slots(brief))
    return f"Subject: {line[0].upper()}{line[1:]}"


def email(brief: Brief, wording: Wording, brand: str) -> str:
    """The whole e-mail, seven lines."""
    values = slots(brief)
    call = CALLS[brief.tone][wording.call].format(**values)
    return "\n".join(
        (
            subject_line(brief, wording),
            f"Hello {brief.readers},",
            OPENINGS[brief.tone][wording.opening].format(**values),
            f"* {brief.first}",
            f"* {brief.second}",
            call[0].upper() + call[1:],
            SIGN_OFF.format(brand=brand),
        )
    )
