"""How much of what was planted the scrubbing's detector finds, counted by stratum, and never counted twice."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from audit import planted_texts
from audit.context import Context
from audit.planted_texts import planted
from audit.privacy import detector
from curation.pipeline import plain
from data.records import canonical_json, digest

# A value is found where so much of its letters and digits is covered: half a name is a leak.
COVERED = 0.8
NOT_LOOKING = ("operator", "operators", "key_file", "vault", "drop_over", "processes", "threads")


def detector_signature(context: Context) -> str:
    """The detector as far as it decides what is found: its settings and its code."""
    from curation.stages import STAGES

    # Operators, files and processes say nothing of what is found.
    looked = {k: v for k, v in plain(detector(context)).items() if k not in NOT_LOOKING}
    settings = digest(canonical_json(looked), hex_digits=12)
    return f"detector:{settings}|code:{STAGES['pii'].code}|seed:{context.config.seed}"


def planted_signature(context: Context) -> str:
    """What the tallies depend on: equal signatures, equal tallies."""
    texts = digest(Path(planted_texts.__file__).read_bytes(), hex_digits=12)
    return f"{detector_signature(context)}|texts:{texts}|covered:{COVERED}|n:{context.policy.pii_planted}"


@dataclass(slots=True)
class Tally:
    """Planted values of a stratum, and how many of them were found. See `Planted`."""

    stratum: str
    types: tuple[str, ...]
    origin: str
    case: str
    n: int = 0
    found: int = 0


def tallies(context: Context) -> dict[str, Tally]:
    """By stratum; from the facts of an earlier audit where the very same detector looked at the very same texts."""
    signature = planted_signature(context)
    if signature not in _MEASURED:
        _MEASURED.clear()
        found = _stored(context, signature) or _measured(context)
        _MEASURED[signature] = dict(sorted(found.items()))
    return _MEASURED[signature]


_MEASURED: dict[str, dict[str, Tally]] = {}


def _stored(context: Context, signature: str) -> dict[str, Tally]:
    facts = context.store.facts(name="PII-004").filter(
        pl.col("signature") == signature, pl.col("slice") != "all"
    )
    made = {}
    for row in facts.unique("slice").sort("slice").to_dicts():
        d = json.loads(row["detail"])
        made[d["stratum"]] = Tally(
            d["stratum"], tuple(d["types"]), d["origin"], d["case"], row["n"], d["found"]
        )
    return made


def _measured(context: Context) -> dict[str, Tally]:
    texts = list(planted(context.policy.pii_planted, context.config.seed))
    made: dict[str, Tally] = {}
    for text, own in zip(texts, scanned(context, [text.text for text in texts]), strict=True):
        tally = made.setdefault(text.stratum, Tally(text.stratum, text.types, text.origin, text.case))
        places = [i for i in range(text.start, text.end) if text.text[i].isalnum()]
        covered = sum(any(start <= i < end for start, end in own) for i in places)
        tally.n += 1
        tally.found += covered >= COVERED * len(places)
    return made


def scanned(context: Context, texts: list[str]) -> list[list[tuple[int, int]]]:
    """Where the detector finds anything in each of the texts."""
    from curation.pii.detect import Scanner

    with Scanner(detector(context)) as scanner:
        return [[(finding.start, finding.end) for finding in own] for own in scanner.scan(texts)]
