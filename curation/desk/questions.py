"""Question sets as Argilla's settings, as plain data for the store, and the check of an answer."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from curation.desk.settings import Kind, Layout, QuestionConfig, QuestionsConfig, Select
from curation.desk.show import FIELDS
from data.records import canonical_json, digest

Json = dict[str, Any]


def plain(questions: QuestionsConfig) -> Json:
    """A question set as JSON-able data; `ask` is a list, since the order of questions counts."""
    return {
        "name": questions.name,
        "layout": questions.layout.value,
        "usual": questions.usual.value,
        "guidelines": questions.guidelines,
        "ask": [
            {"question": name, **asdict(q), "kind": q.kind.value, "use": q.use.value}
            for name, q in questions.ask.items()
        ],
    }


def restored(stored: Json) -> QuestionsConfig:
    """The question set that `plain` made data of."""
    ask = {one["question"]: {k: v for k, v in one.items() if k != "question"} for one in stored["ask"]}
    return QuestionsConfig(
        name=stored["name"],
        layout=Layout(stored["layout"]),
        usual=Select(stored["usual"]),
        guidelines=stored["guidelines"],
        ask=ask,
    )


def fingerprint(questions: QuestionsConfig) -> str:
    """Digest of what is asked. Guidelines may be bettered without asking anything else."""
    return digest(canonical_json({**plain(questions), "guidelines": "", "usual": ""}), hex_digits=16)


def argilla_fields(layout: Layout) -> list[Json]:
    """The fields of a layout, as Argilla wants them."""
    return [
        {
            "name": name,
            "title": title,
            "required": required,
            "settings": {"type": "text", "use_markdown": False},
        }
        for name, (title, required) in FIELDS[layout].items()
    ]


def argilla_questions(questions: QuestionsConfig) -> list[Json]:
    """The questions, as Argilla wants them."""
    return [
        {
            "name": name,
            "title": question.title or name,
            "description": question.description or None,
            "required": question.required,
            "settings": _settings(question),
        }
        for name, question in questions.ask.items()
    ]


def _settings(question: QuestionConfig) -> Json:
    settings: Json = {"type": question.kind.value}
    options = [{"value": label, "text": label} for label in question.labels]
    match question.kind:
        case Kind.text:
            settings["use_markdown"] = False
        case Kind.rating:
            settings["options"] = [{"value": n} for n in range(question.lowest, question.highest + 1)]
        case Kind.ranking:
            settings["options"] = options
        case Kind.span:
            settings |= {"field": "text", "options": options, "allow_overlapping": False}
        case _:
            settings["options"] = options
    if question.kind not in (Kind.text, Kind.rating, Kind.ranking) and len(options) >= 3:
        settings["visible_options"] = len(options)
    return settings


def wrong(question: QuestionConfig, value: Any, text_length: int | None = None) -> str:
    """What is wrong with an answer to `question`, in words; empty where nothing is.

    `text_length` is that of the text in which spans are marked.
    """
    labels = ", ".join(question.labels)
    match question.kind:
        case Kind.text:
            fine, allowed = isinstance(value, str), "a text"
        case Kind.label_selection:
            fine, allowed = value in question.labels, labels
        case Kind.multi_label_selection:
            fine = isinstance(value, list) and bool(value) and all(one in question.labels for one in value)
            fine, allowed = fine and len(set(value)) == len(value), f"some of {labels}, each once"
        case Kind.rating:
            fine = _is_number(value) and question.lowest <= value <= question.highest
            allowed = f"{question.lowest} to {question.highest}"
        case Kind.ranking:
            fine, allowed = _is_ranking(question, value), f"all of {labels}, in order"
        case Kind.span:
            fine = isinstance(value, list) and all(_is_span(question, one, text_length) for one in value)
            allowed = f"parts of the text, each with one of {labels}"
    return "" if fine else f"allowed: {allowed}"


def _is_number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_ranking(question: QuestionConfig, value: Any) -> bool:
    """Whether it gives each label one rank, as `{"value": label, "rank": 1}`."""
    return (
        isinstance(value, list)
        and all(isinstance(one, dict) and isinstance(one.get("value"), str) for one in value)
        and all(_is_number(one.get("rank")) for one in value)
        and sorted(one["value"] for one in value) == sorted(question.labels)
    )


def _is_span(question: QuestionConfig, span: Any, text_length: int | None) -> bool:
    return (
        isinstance(span, dict)
        and span.get("label") in question.labels
        and _is_number(span.get("start"))
        and _is_number(span.get("end"))
        and 0 <= span["start"] < span["end"]
        and (text_length is None or span["end"] <= text_length)
    )
