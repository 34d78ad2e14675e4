"""A file of answers that somebody else made: read here, scored like our own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data.errors import SourceError
from eval.config import PredictionsConfig
from eval.items import Item, Slice, json_lines


@dataclass(frozen=True, slots=True)
class Predictions:
    """The file's items and the answers to them; `baseline` is None where the rows have none."""

    items: Slice
    prediction: list[str]
    baseline: list[str] | None

    @property
    def answers(self) -> dict[str, list[str]]:
        """Answers by role: `baseline` where there is one, then `prediction`."""
        first = {} if self.baseline is None else {"baseline": self.baseline}
        return {**first, "prediction": self.prediction}


def read_predictions(config: PredictionsConfig, limit: int | None) -> Predictions:
    """Read `config.path`, a JSONL file. Raises SourceError naming the line and field at fault.

    A row may also hold `prompt` (a text, shown beside the answers) and `id`.
    """
    path = str(config.path)
    items: list[Item] = []
    predictions: list[str] = []
    baselines: list[str | None] = []
    for line, row in json_lines(path, "predictions.path"):
        if limit is not None and len(items) >= limit:
            break
        where = f"{path}, line {line}"
        predictions.append(_text(row, config.prediction, where, "predictions.prediction"))
        baselines.append(
            _text(row, config.baseline, where, "predictions.baseline") if config.baseline in row else None
        )
        references = _references(row, config.references, where)
        prompt = row.get("prompt")
        turns = [{"role": "user", "content": prompt}] if isinstance(prompt, str) else []
        items.append(Item(str(row.get("id", f"line {line}")), turns, references))
    return Predictions(
        Slice("predictions", Path(path).name, items), predictions, _all_or_none(baselines, path, config)
    )


def _text(row: dict[str, Any], field: str, where: str, key: str) -> str:
    value = row.get(field)
    if not isinstance(value, str):
        found = "is missing" if field not in row else f"is {type(value).__name__}, not a text"
        raise SourceError(f"{where}: field `{field}` {found}", *_choices(row, key))
    return value


def _references(row: dict[str, Any], field: str, where: str) -> list[str]:
    value = row.get(field)
    listed = [value] if isinstance(value, str) else value
    if not isinstance(listed, list) or not listed or not all(isinstance(text, str) for text in listed):
        found = "is missing" if field not in row else "is neither a text nor a list of texts"
        raise SourceError(f"{where}: field `{field}` {found}", *_choices(row, "predictions.references"))
    return list(listed)


def _choices(row: dict[str, Any], key: str) -> tuple[str, str]:
    names = ", ".join(sorted(map(str, row))[:12]) or "no field"
    return f"the row has: {names}", f"name another field: {key}=FIELD"


def _all_or_none(baselines: list[str | None], path: str, config: PredictionsConfig) -> list[str] | None:
    present = [text for text in baselines if text is not None]
    if present and len(present) < len(baselines):
        first = baselines.index(None)
        raise SourceError(
            f"{path}: {len(present):,} of {len(baselines):,} rows have the field `{config.baseline}`",
            f"the first without it is row {first + 1}; give it to every row or to none",
        )
    return present or None
