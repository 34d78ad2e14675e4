"""From chosen records, or from the answers of an evaluation, to items of the desk."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from conf.app import restored
from curation.desk.bring_back import removed_rows
from curation.desk.carry import pii_step
from curation.desk.questions import wrong
from curation.desk.select import Chosen, choose, last_step, shown_version
from curation.desk.settings import OF_EVALUATION, Kind, LabellingConfig, Layout, Select, Use
from curation.desk.show import Item, Suggestion, fields_of, last_answer, transcript, whole
from data.errors import UserError
from data.records import digest
from data.store import Store

if TYPE_CHECKING:
    from curation.pii.config import PiiConfig

# Whose answers of an evaluation people see; the others (the nearest training answer copied, ...) are no models.
MODELS = ("base", "tuned")


def items_of(store: Store, config: LabellingConfig) -> tuple[str, list[Item]]:
    """What `config` selects, in its order, and the version (or the evaluation) that it is of. Raises UserError."""
    if config.selection in OF_EVALUATION:
        evaluation = store.evaluation(config.evaluation)
        answers = store.answers(evaluation.evaluation_id)
        items = _pairs(answers, config) if config.selection is Select.pairs else _answers(answers, config)
        if not items:
            raise UserError(
                f"the evaluation {evaluation.evaluation_id} has no such answers", "make one: python -m eval"
            )
        return evaluation.evaluation_id, items[: config.rows]
    if config.questions.layout is Layout.pair:
        raise UserError(
            f"questions={config.questions.name} compares two answers; select={config.selection} has records",
            "compare the answers of an evaluation: select=pairs",
        )
    version = store.resolve(config.version)
    shown = shown_version(store, version, config)
    chosen, gold = choose(store, version, config), read_gold(config)
    present = store.present(shown, gold)
    if gold and not present:
        raise UserError(
            f"{config.gold}: none of its {len(gold):,} records is in {shown}, for instance {next(iter(gold))}",
            f"name records of the version that is shown: python -m data show {shown}",
        )
    return shown, _records(store, shown, _with_gold(chosen, present), gold, config)


def _with_gold(chosen: list[Chosen], gold: set[str]) -> list[Chosen]:
    """The chosen records and those of known answers, spread evenly and told apart by nothing."""
    more = sorted(gold - {one.record_id for one in chosen})
    both = list(chosen)
    for number, record_id in enumerate(more):
        both.insert(
            (number + 1) * len(both) // (len(more) + 1), Chosen(record_id, chosen[0].why, chosen[0].stage)
        )
    return both


def _records(
    store: Store, version: str, chosen: Sequence[Chosen], gold: dict[str, Any], config: LabellingConfig
) -> list[Item]:
    columns = list(dict.fromkeys(["text_hash", "messages", "label", "source", *config.show]))
    ids = pl.Series(
        [name for one in chosen for name in (one.record_id, one.partner) if name], dtype=pl.String
    )
    frame = store.read(version).among(ids.unique()).frame("record_id", *columns).collect()
    rows = {row["record_id"]: row for row in frame.to_dicts()}
    removed = [one.record_id for one in chosen if one.removed]
    if removed and (step := last_step(store, version, "dedup")) is not None:
        rows |= removed_rows(store, step, removed, columns, pii_step(store.lineage(version)))
    items = []
    for one in chosen:
        row = rows[one.record_id]
        metadata: dict[str, str | float] = {"source": row["source"] or "none", "why": one.stage or one.why}
        metadata |= {name: str(row[name]) for name in config.show if row[name] is not None}
        if one.score is not None:
            metadata["score"] = round(one.score, 4)
        fields = fields_of(row["messages"], config.questions.layout)
        if one.partner and config.questions.layout is Layout.dialogue:
            fields["similar"] = whole(transcript(rows[one.partner]["messages"])[0])
        items.append(
            Item(
                item=one.record_id,
                record_id=one.record_id,
                text_hash=row["text_hash"],
                fields=fields,
                why=one.why,
                metadata=metadata,
                gold=gold.get(one.record_id, {}),
            )
        )
    if config.suggest:
        _suggest(store, version, list(zip(items, chosen, strict=True)), rows, config)
    return items


def _suggest(
    store: Store,
    version: str,
    items: list[tuple[Item, Chosen]],
    rows: dict[str, dict[str, Any]],
    config: LabellingConfig,
) -> None:
    """Prefill what the stages think: fate by dedup and quality, spans by pii, the answer as it is, the known label."""
    for name, question in config.questions.ask.items():
        spans = _found(store, items, question.labels, config) if question.use is Use.mask else []
        for place, (item, one) in enumerate(items):
            row = rows[one.record_id]
            match question.use:
                case Use.fate:
                    item.suggestions[name] = _fate(one)
                case Use.rewrite if question.required:
                    answer = row["messages"][last_answer(row["messages"])]["content"]
                    item.suggestions[name] = Suggestion(whole(answer), "record")
                case Use.label if row["label"] in question.labels:
                    item.suggestions[name] = Suggestion(row["label"], "record", one.score)
                case Use.mask if spans[place]:
                    item.suggestions[name] = Suggestion(spans[place], "pii")


def _fate(one: Chosen) -> Suggestion:
    if one.stage == "dedup":
        return Suggestion("drop", "dedup", one.score) if one.removed else Suggestion("keep", "dedup")
    return Suggestion("fix", "quality") if one.stage == "quality" else Suggestion("keep", "curation")


def detector(store: Store, version: str) -> PiiConfig:
    """The settings of the version's pii step; the usual ones where it has none."""
    from curation.pii.config import PiiConfig

    step = last_step(store, version, "pii")
    return restored(PiiConfig, step.config) if step else PiiConfig()


def _found(
    store: Store, items: list[tuple[Item, Chosen]], labels: Sequence[str], config: LabellingConfig
) -> list[list[dict[str, Any]]]:
    """What the version's pii configuration finds in each shown text, as spans of the types that are asked for."""
    from curation.pii.detect import scan
    from curation.pii.finding import resolved

    found = scan([item.fields["text"] for item, _ in items], detector(store, store.resolve(config.version)))
    return [
        [{"start": f.start, "end": f.end, "label": f.type} for f in resolved(own) if f.type in labels]
        for own in found
    ]


def _pairs(answers: pl.DataFrame, config: LabellingConfig) -> list[Item]:
    """Base and tuned side by side; which is A is drawn by a keyed hash of the item."""
    items = []
    for (task, item), group in answers.group_by(["task", "item"], maintain_order=True):
        by = {row["role"]: row for row in group.to_dicts() if row["role"] in MODELS}
        if len(by) != 2 or config.questions.layout is not Layout.pair:
            continue
        name = f"{task}:{item}"
        roles = sorted(by, reverse=int(digest(f"{config.seed} {name}"), 16) % 2 == 1)
        fields = {
            "prompt": by[roles[0]]["prompt"],
            "a": by[roles[0]]["prediction"],
            "b": by[roles[1]]["prediction"],
        }
        hidden = {"A": roles[0], "B": roles[1]}
        items.append(_of_evaluation(name, fields, str(task), hidden))
    if not items and config.questions.layout is not Layout.pair:
        raise UserError(
            f"select=pairs shows two answers; questions={config.questions.name} asks about one",
            "ask which is better: questions=preference   or one by one: select=answers",
        )
    return _drawn(items, config)


def _answers(answers: pl.DataFrame, config: LabellingConfig) -> list[Item]:
    """Every answer by itself, in an order that tells nothing of who wrote it."""
    if config.questions.layout is not Layout.dialogue:
        raise UserError(
            f"select=answers shows one answer; questions={config.questions.name} does not",
            "usual: questions=answers",
        )
    items = []
    for row in answers.filter(pl.col("role").is_in(MODELS)).to_dicts():
        name = f"{row['task']}:{row['item']}:" + digest(f"{config.seed} {row}", hex_digits=4)
        fields = {"prompt": row["prompt"], "answer": row["prediction"]}
        items.append(_of_evaluation(name, fields, row["task"], {"role": row["role"]}))
    return _drawn(items, config)


def _of_evaluation(name: str, fields: dict[str, str], task: str, hidden: dict[str, str]) -> Item:
    shown = {key: whole(text or "") or "(no answer)" for key, text in fields.items()}
    return Item(
        item=name, record_id=name, text_hash="", fields=shown, metadata={"source": task}, hidden=hidden
    )


def _drawn(items: list[Item], config: LabellingConfig) -> list[Item]:
    return sorted(items, key=lambda item: digest(f"{config.seed} order {item.item}"))


def read_gold(config: LabellingConfig) -> dict[str, dict[str, Any]]:
    """Record id -> question -> the known answer, from `config.gold`. Raises UserError naming the line."""
    if not config.gold:
        return {}
    path = Path(config.gold).expanduser()
    gold: dict[str, dict[str, Any]] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), 1):
        if not line.strip():
            continue
        where = f"{path} line {number}"
        try:
            row = json.loads(line)
            record_id = str(row.pop("record_id"))
        except (ValueError, KeyError, AttributeError, TypeError):
            raise UserError(
                f"{where}: no object with a record_id", 'usual: {"record_id": ..., "fate": "keep"}'
            ) from None
        for name, value in row.items():
            question = config.questions.ask.get(name)
            if question is None or question.kind is Kind.text:
                raise UserError(f"{where}: '{name}' is no question that can have a known answer")
            if problem := wrong(question, value):
                raise UserError(f"{where}: {name}={value}", problem)
        gold[record_id] = row
    return gold
