"""Planted rows that nobody should train on, and lines that cannot be read."""

from __future__ import annotations

import random
from collections.abc import Callable
from copy import deepcopy

from data.samples.rows import Row

LOW_QUALITY, BROKEN = 30, 12
REFUSALS = (
    "I'm sorry, but I can't help with that request.",
    "I cannot assist with writing marketing material.",
    "As an AI language model, I am unable to write this e-mail.",
    "Sorry, I can't do that.",
)
FOREIGN = (
    "Betreff: Unser neues Angebot für Sie.\nGuten Tag, wir freuen uns sehr, Ihnen heute unser neues Produkt vorstellen zu "
    "dürfen. Es hält lange, sieht gut aus und kostet bis Ende des Monats weniger. Herzliche Grüße aus der Werkstatt.",
    "Objet : Une offre pour vous.\nBonjour, nous sommes heureux de vous présenter aujourd'hui notre nouveau produit. Il dure "
    "longtemps, il est beau et il coûte moins cher jusqu'à la fin du mois. Bien à vous, toute l'équipe de l'atelier.",
    "Asunto: Una oferta para usted.\nBuenos días, hoy queremos presentarle nuestro nuevo producto. Dura mucho tiempo, es muy "
    "bonito y hasta final de mes cuesta menos que antes. Reciba un cordial saludo de todo nuestro taller.",
)
DAMAGES = ("broken_json", "missing_answer", "empty_answer", "wrong_type", "bad_bytes", "not_an_object")


def plant_low_quality(rows: list[Row], rng: random.Random) -> list[Row]:
    """New rows whose answer is of no use, made of the prompts of some of `rows` with another deadline."""
    spoilers: dict[str, Callable[[Row, random.Random], str]] = {
        "cut off": _cut, "refusal": lambda row, rng: rng.choice(REFUSALS), "repetition": _repeated, "markup": _markup,
        "language": lambda row, rng: rng.choice(FOREIGN),
    }  # fmt: skip
    made = []
    for number, original in enumerate(rng.sample([row for row in rows if row.task == "email"], LOW_QUALITY)):
        what = list(spoilers)[number % len(spoilers)]
        row = deepcopy(original)
        # A prompt of its own, so that the row is no duplicate of the one that it is made of.
        row.user = f"Draft number {number + 1} was not good enough, please try once more: {row.user}"
        row.answer = spoilers[what](original, rng)
        row.plants = [{"kind": "low_quality", "what": what}]
        made.append(row)
    return made


def plant_broken(rows: list[Row], rng: random.Random) -> list[Row]:
    """New rows whose line is damaged when it is written."""
    made = []
    for number, original in enumerate(rng.sample([row for row in rows if row.task == "email"], BROKEN)):
        row = deepcopy(original)
        row.damage = DAMAGES[number % len(DAMAGES)]
        row.plants = [{"kind": "broken", "what": row.damage}]
        made.append(row)
    return made


def damaged(line: str, how: str) -> bytes:
    """The bytes of a JSON line, damaged in one of DAMAGES."""
    raw = line.encode()
    if how == "broken_json":
        return raw[: len(raw) * 2 // 3]
    if how == "bad_bytes":
        return raw.replace(b"Hello", b"H\xff\xfe\xfa")
    if how == "not_an_object":
        return b"[" + raw + b"]"
    start = line.index('"messages":')
    end = line.index("]", start) + 1
    replaced = {
        "missing_answer": '"msgs": []',
        "empty_answer": '"messages": [{"role": "user", "content": "Write!"}, {"role": "assistant", "content": "  "}]',
        "wrong_type": '"messages": "see attachment"',
    }[how]
    return (line[:start] + replaced + line[end:]).encode()


def _cut(row: Row, rng: random.Random) -> str:
    """The first part of the answer, ending inside a word."""
    text = row.answer
    place = rng.randrange(len(text) // 2, len(text) * 3 // 4)
    while not (text[place - 1].isalpha() and text[place].isalpha()):
        place += 1
    return text[:place]


def _repeated(row: Row, rng: random.Random) -> str:
    line = row.answer.split("\n")[3]
    return "\n".join([line] * rng.randrange(9, 14))


def _markup(row: Row, rng: random.Random) -> str:
    body = "".join(
        f"<div class=\"row\"><p style='margin:0'>{line}</p><br/>" for line in row.answer.split("\n")
    )
    return f"<html><body>{body}&nbsp;&nbsp;</body></html>"
