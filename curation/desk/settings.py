"""What is asked of people, of whom, and what their answers do: the keys of push, pull, agreement and adjudicate."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from data.errors import ConfigError

# Names that Argilla takes for questions and datasets.
NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")
DATASET = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")


class Select(StrEnum):
    """Which records a person should see.

    border: where dedup and quality were in doubt; pii: what the pii stage found, and some in which it found nothing;
    sample: drawn by chance, for a bound on what is left; strata: as many of each group of `stratify_by`;
    uncertain: the least certain by the number in the column `confidence`; pairs, answers: of an evaluation, the
    answers of base and tuned model side by side, or one by one. (Disagreements: the verb `adjudicate`.)
    """

    border = "border"
    pii = "pii"
    sample = "sample"
    strata = "strata"
    uncertain = "uncertain"
    pairs = "pairs"
    answers = "answers"


OF_EVALUATION = (Select.pairs, Select.answers)


class Layout(StrEnum):
    """What is shown of a record.

    dialogue: the conversation so far and its last answer (or the whole text); text: all messages in one field, which
    spans need; pair: a prompt and two answers, which is which unknown.
    """

    dialogue = "dialogue"
    text = "text"
    pair = "pair"


class Kind(StrEnum):
    """The kind of a question, as Argilla calls it."""

    label_selection = "label_selection"
    multi_label_selection = "multi_label_selection"
    rating = "rating"
    ranking = "ranking"
    text = "text"
    span = "span"


class Use(StrEnum):
    """What the answers to a question do.

    none: they are counted; fate: `keep`, `fix` or `drop` the record; rewrite: the text takes the place of the last
    answer; mask: marked spans become placeholders; label: the class of the record; rating: see `drop_below`;
    preference: which of two answers is better.
    """

    none = "none"
    fate = "fate"
    rewrite = "rewrite"
    mask = "mask"
    label = "label"
    rating = "rating"
    preference = "preference"


class Rule(StrEnum):
    """When answers decide: `majority`: more than half agree; `unanimous`: all do; `any`: the most frequent answer."""

    majority = "majority"
    unanimous = "unanimous"
    any = "any"


FATES = ("keep", "fix", "drop")
PREFERENCES = ("A", "B", "tie")
KINDS = {
    Use.fate: (Kind.label_selection,),
    Use.rewrite: (Kind.text,),
    Use.mask: (Kind.span,),
    Use.label: (Kind.label_selection,),
    Use.rating: (Kind.rating,),
    Use.preference: (Kind.label_selection,),
}


@dataclass(kw_only=True, slots=True)
class QuestionConfig:
    """One question.

    kind      see `Kind`
    use       see `Use`
    title     as annotators read it
    description   a sentence beneath it
    labels    options of a label, span or ranking question; empty for `use: label`: the labels of the version
    lowest, highest   of a rating, within 0 to 10
    required  whether an item can be submitted without it
    """

    kind: Kind = Kind.label_selection
    use: Use = Use.none
    title: str = ""
    description: str = ""
    labels: list[str] = field(default_factory=list)
    lowest: int = 1
    highest: int = 5
    required: bool = True

    def __post_init__(self) -> None:
        if self.kind not in KINDS.get(self.use, tuple(Kind)):
            wanted = ", ".join(KINDS[self.use])
            raise ConfigError(
                f"questions: use={self.use} does not go with kind={self.kind}", f"its kind: {wanted}"
            )
        if self.kind is Kind.rating and not 0 <= self.lowest < self.highest <= 10:
            raise ConfigError(
                f"questions: a rating from {self.lowest} to {self.highest}", "allowed: within 0 to 10"
            )
        if len(set(self.labels)) < len(self.labels):
            raise ConfigError(f"questions: a label stands twice in [{','.join(self.labels)}]")
        fixed = {Use.fate: FATES, Use.preference: PREFERENCES}.get(self.use)
        if fixed and tuple(self.labels or fixed) != fixed:
            raise ConfigError(
                f"questions: labels=[{','.join(self.labels)}] for use={self.use}",
                f"allowed: [{','.join(fixed)}]",
            )
        self.labels = list(fixed) if fixed else self.labels
        fewest = {Kind.label_selection: 2, Kind.multi_label_selection: 2, Kind.ranking: 2, Kind.span: 1}
        if self.use is not Use.label and len(self.labels) < fewest.get(self.kind, 0):
            raise ConfigError(
                f"questions: {len(self.labels)} labels for kind={self.kind}", "name them: labels=[a,b]"
            )


@dataclass(kw_only=True, slots=True)
class QuestionsConfig:
    """A set of questions.

    name        stands in the name of the dataset
    layout      see `Layout`
    usual       what is selected where `select` is not given
    guidelines  what annotators read before they answer, in markdown
    ask         name of a question -> QuestionConfig
    """

    name: str = ""
    usual: Select = Select.border
    layout: Layout = Layout.dialogue
    guidelines: str = ""
    # Any, because Hydra lets nobody add keys to a typed dict without a `+`.
    ask: Any = None

    def __post_init__(self) -> None:
        asked = {}
        for name, settings in (self.ask or {}).items():
            if not NAME.fullmatch(str(name)):
                raise ConfigError(f"questions.ask: '{name}' is no name of a question", "allowed: a-z 0-9 _ -")
            asked[str(name)] = (
                settings if isinstance(settings, QuestionConfig) else _question(str(name), settings)
            )
        self.ask = asked
        if self.name and not asked:
            raise ConfigError(
                f"questions.ask of '{self.name}' is empty",
                "name questions: 'questions.ask={good: {kind: rating}}'   or take a set: questions=keep",
            )
        spans = [name for name, question in asked.items() if question.kind is Kind.span]
        if spans and self.layout is not Layout.text:
            raise ConfigError(
                f"questions.ask.{spans[0]}: spans are marked in one text", "questions.layout=text"
            )
        uses = [question.use for question in asked.values() if question.use is not Use.none]
        if len(set(uses)) < len(uses):
            raise ConfigError("questions.ask: two questions of one use", "the second one needs use: none")
        if not any(question.required for question in asked.values()) and asked:
            raise ConfigError("questions.ask: no question is required", "one of them needs required: true")


def _question(name: str, settings: Any) -> QuestionConfig:
    from dataclasses import fields

    from data.errors import closest

    known = {f.name for f in fields(QuestionConfig)}
    if not isinstance(settings, dict):
        raise ConfigError(f"questions.ask.{name}={settings} is no question", "usual: {kind: rating}")
    for key in settings:
        if key not in known:
            raise ConfigError(f"no such key: questions.ask.{name}.{key}", closest(str(key), known))
    try:
        settings = {**settings, "kind": Kind(settings.get("kind", Kind.label_selection))}
        settings["use"] = Use(settings.get("use", Use.none))
    except ValueError as error:
        raise ConfigError(
            f"questions.ask.{name}: {error}", f"kinds: {', '.join(Kind)}", f"uses: {', '.join(Use)}"
        ) from None
    return QuestionConfig(**settings)


@dataclass(kw_only=True, slots=True)
class LabellingConfig:
    """What is asked of people, of whom, and what their answers do.

    version       the version that is shown: `latest`, a tag or an id
    evaluation    for select=pairs and select=answers: `latest` or the id of an evaluation
    select        see `Select`; null: what is usual for the question set
    rows          items that are selected at most
    batch         of these, how many new ones one push adds at most; 0: all. The next push adds the next ones
    seed          of what is drawn by chance
    stratify_by   columns whose groups are drawn alike (select=strata)
    confidence    column with a number, low where a label is doubtful (select=uncertain)
    leak_bound    select=sample: if nothing is found, the share of records with a finding is to be below this (0 to 1)
    questions     the question set, see QuestionsConfig
    dataset       the dataset's name; empty: the name of the question set and of the selection
    overlap       people that are to answer each item (`min_submitted`)
    suggest       prefill answers with what the stages think
    show          columns that annotators can filter by
    gold          a JSON Lines file of known answers: record_id, and an answer a question; annotators do not see them
    allow_unscrubbed   show people texts that were not cleared of personal data
    rule          see `Rule`
    min_answers   fewer answers to an item decide nothing; 0, and at most: the dataset's overlap
    drop_below    a mean rating below this drops the record; 0: never
    apply         pull: make a new version of the verdicts; false: only keep the answers
    groups        agreement: columns by whose groups annotators are compared
    draws         resamples of each bootstrap interval
    """

    version: str = "latest"
    evaluation: str = "latest"
    select: Select | None = None
    rows: int = 200
    batch: int = 0
    seed: int = 0
    stratify_by: list[str] = field(default_factory=list)
    confidence: str = ""
    leak_bound: float = 0.01
    questions: QuestionsConfig = field(default_factory=QuestionsConfig)
    dataset: str = ""
    overlap: int = 1
    suggest: bool = True
    show: list[str] = field(default_factory=list)
    gold: str = ""
    allow_unscrubbed: bool = False
    rule: Rule = Rule.majority
    min_answers: int = 0
    drop_below: float = 0
    apply: bool = True
    groups: list[str] = field(default_factory=list)
    draws: int = 1000

    def __post_init__(self) -> None:
        for key, least in (("rows", 1), ("batch", 0), ("overlap", 1), ("min_answers", 0), ("draws", 100)):
            if getattr(self, key) < least:
                raise ConfigError(f"{key}={getattr(self, key)}", f"allowed: {least} and above")
        if not 0 < self.leak_bound < 1:
            raise ConfigError(
                f"leak_bound={self.leak_bound}", "allowed: between 0 and 1, usual: leak_bound=0.01"
            )
        if self.dataset and not DATASET.fullmatch(self.dataset):
            raise ConfigError(
                f"dataset: '{self.dataset}' is no name for Argilla",
                "allowed: letters, digits, - and _, beginning with a letter or digit",
            )

    @property
    def selection(self) -> Select:
        """How items are selected."""
        return self.select or self.questions.usual

    @property
    def named(self) -> str:
        """The name of the dataset."""
        return self.dataset or f"{self.questions.name}-{self.selection}"
