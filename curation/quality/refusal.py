"""Answers that refuse: they teach a model to refuse.

The patterns stand at the beginning of an answer only, so that a letter which declines an invitation, or a
story in which somebody cannot help, is none.
"""

from __future__ import annotations

import polars as pl

from curation.quality.config import QualityConfig
from curation.quality.subject import IS_CHAT, finding

REASONS = {"quality_refusal": "The answer refuses, or says that it is only an AI."}

# `x`: blanks and line breaks in a pattern mean nothing. `\\ ` is a blank, `.?` any apostrophe.
_SORRY = r"(?: (?:I.?m|I\ am|we.?re)\ (?:\w+\ )?sorry | sorry | (?:my\ )?apologies | I\ apologi[sz]e | unfortunately)"
_OPENING = rf"(?: {_SORRY} [,.!:;]? \s+ (?:but\ |however,?\ |for\ \w+\ \w+[,.]?\ (?:but\ )?)? )*"
_AN_AI = (
    r"(?:an?\ )? (?:\w+\ )? (?:AI|artificial\ intelligence|language\ model|LLM|chatbot|virtual\ assistant)\b"
)
_CANNOT = r"""(?: I\ can\ ?not | I\ can.?t | I\ could(?:\ not|n.?t) | I\ will\ not | I\ won.?t
    | I\ must\ (?:decline|refuse) | I\ do(?:\ not|n.?t)
    | I(?:\ am|.m)\ (?:unable|not\ (?:able|capable|programmed|allowed|permitted|comfortable)) )"""
_HELP = r"""(?: help|assist|answer|provide|fulfill?|comply|complete|generate|create|write|offer|give|do\ that|engage
    |support|discuss|access|browse|perform|participate|respond|process|continue
    |have\ (?:access|the\ ability|the\ capability|personal|enough\ information|feelings)|see\ (?:images|pictures) )\b"""
_NOT = r"\b(?:can\ ?not|can.?t|don.?t|do\ not|unable|not\ able)\b"
REFUSAL = rf"""(?ix) ^[\s"'“*]* {_OPENING} (?:
      {_CANNOT} \s (?:\w+\ ){{0,3}} {_HELP}
    | as\ {_AN_AI}
    | I(?:.?m|\ am)\ (?:just\ |only\ |merely\ )? {_AN_AI} [^.!?\n]{{0,80}} {_NOT}
)"""
# Few answers hold one of these; only they are looked at more closely.
_HINTS = (
    "cannot", "can not", "can't", "can’t", "cant ", "could not", "couldn", "will not", "won't", "won’t", "must decline",
    "must refuse", "do not", "don't", "don’t", "unable", "not able", "not capable", "not programmed", "not allowed",
    "not permitted", "not comfortable", "as an", "as ai", "an ai", "language model", "a chatbot", "llm",
    "artificial intelligence", "virtual assistant",
)  # fmt: skip


def find(batch: pl.DataFrame, config: QualityConfig) -> list[pl.DataFrame]:
    """Dialogues of which more than `max_refusal_fraction` of the assistant's messages refuse."""
    role, content = pl.element().struct.field("role"), pl.element().struct.field("content")
    answers = pl.col("messages").list.eval(content.filter(role == "assistant"))
    refuses = answers.list.eval(pl.element().str.slice(0, 300).str.contains(REFUSAL))
    judged = (
        batch.filter(IS_CHAT & pl.col("answer").str.contains_any(list(_HINTS), ascii_case_insensitive=True))
        .with_columns(refusals=refuses.list.sum(), turns=answers.list.len())
        .filter(pl.col("turns") > 0)
        .with_columns(fraction=pl.col("refusals") / pl.col("turns"))
    )
    return [
        finding(
            judged,
            "quality_refusal",
            when=pl.col("fraction") > config.max_refusal_fraction,
            score=pl.col("fraction"),
            detail=pl.format("{} of {} answers refuse", "refusals", "turns"),
        )
    ]
