"""`python -m curation.desk agreement`: how far annotators agree, and what is known of each; as facts, and as tables."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from curation.desk.adjudicate import SUFFIX
from curation.desk.config import DeskCommand, existing_store
from curation.desk.pull import named_datasets
from curation.desk.reliability import AGREEMENT, FEWEST, agreement_facts, disparity_facts, people_facts
from curation.desk.select import check_columns
from curation.desk.settings import LabellingConfig
from data.annotations import DeskDataset
from data.facts import Fact
from data.store import Store

FLAGGED = 0.05


def agreement(command: DeskCommand) -> None:
    """Measure the datasets that were pulled, keep the facts, and show them."""
    console = Console()
    with existing_store(command) as store:
        versions = {version.version for version in store.versions()}
        named = named_datasets(store, command)
        for version in sorted({one.version for one in named} & versions):
            check_columns(store, version, groups=command.groups)
        measured = {one.dataset: dataset_facts(store, one, command) for one in store.desk_datasets()}
        store.add_facts([fact for facts in measured.values() for fact in facts])
        for dataset in named:
            if dataset.dataset.endswith(SUFFIX) and not command.dataset:
                continue  # one answer an item, by its nature
            show(dataset, measured[dataset.dataset], console)
            if (
                command.groups
                and measured[dataset.dataset]
                and not any(fact.name == "desk_disparity" for fact in measured[dataset.dataset])
            ):
                console.print(
                    f"groups={','.join(command.groups)}: nothing to compare; an annotator needs {FEWEST} answers to a "
                    f"group and {FEWEST} to the rest",
                    highlight=False, soft_wrap=True,
                )  # fmt: skip


def dataset_facts(store: Store, dataset: DeskDataset, config: LabellingConfig) -> list[Fact]:
    """Everything that is measured of a dataset's answers."""
    return [
        *agreement_facts(store, dataset, config),
        *people_facts(store, dataset, config),
        *disparity_facts(store, dataset, config),
    ]


def show(dataset: DeskDataset, facts: list[Fact], console: Console) -> None:
    """The facts of one dataset, in 80 columns."""
    console.print(f"\n[bold]{dataset.dataset}[/] of {dataset.version}", highlight=False)
    found = [fact for fact in facts if fact.name in AGREEMENT]
    if not found:
        console.print("nothing was answered twice: pull first, or push with overlap=2", style="yellow")
    else:
        table = _table("question", "measure", "value", "95 %", "items", "answers")
        for fact in found:
            name = {"desk_alpha": "alpha", "desk_masi": "alpha, MASI", "desk_span_f1": "span F1"}[fact.name]
            table.add_row(
                fact.detail["question"], f"{name}, {fact.detail['level']}", *_value(fact),
                f"{fact.n:,}", f"{fact.detail['answers']:,}",
            )  # fmt: skip
        console.print(table)
        console.print(
            "alpha: .80 and above can be relied on, .67 to .80 with care, below .67 not (Krippendorff)",
            style="dim",
        )
    _pairs(facts, console)
    _people(facts, console)
    _flagged(facts, console)


def _pairs(facts: list[Fact], console: Console) -> None:
    found = [fact for fact in facts if fact.name == "desk_kappa"]
    if not found:
        return
    table = _table("question", "annotators", "Cohen's kappa", "95 %", "items")
    for fact in found:
        pair = f"{fact.detail['left']} and {fact.detail['right'].removeprefix('annotator-')}"
        table.add_row(fact.detail["question"], pair, *_value(fact), f"{fact.n:,}")
    console.print(table)


def _value(fact: Fact) -> tuple[str, str]:
    """The value of a measure of agreement, and its interval."""
    around = "" if fact.low is None else f"{fact.low:.2f} to {fact.high:.2f}"
    return "all equal" if fact.value is None else f"{fact.value:.3f}", around


def _people(facts: list[Fact], console: Console) -> None:
    names = {"desk_majority": "as the others", "desk_gold": "known answers", "desk_accepted": "as suggested"}
    rows: dict[tuple[str, str], dict[str, str]] = {}
    for fact in facts:
        if fact.name in names and fact.value is not None:
            _, question, *one = fact.slice.split("|")
            key = (question.removeprefix("question="), one[0] if one else "all")
            rows.setdefault(key, {})[fact.name] = f"{fact.value:.0%} of {fact.n:,}"
    if not rows:
        return
    table = _table("question", "annotator", *names.values())
    for (question, who), cells in sorted(rows.items(), key=lambda row: (row[0][0], row[0][1] != "all")):
        table.add_row(question, who, *(cells.get(name, "") for name in names))
    console.print(table)


def _flagged(facts: list[Fact], console: Console) -> None:
    tested = [fact for fact in facts if fact.name == "desk_disparity"]
    flagged = [fact for fact in tested if fact.detail["p_adjusted"] < FLAGGED and fact.detail["told"]]
    if tested and not flagged:
        console.print(
            f"no annotator treats a group otherwise than the rest ({len(tested):,} compared)", highlight=False
        )
    for fact in flagged:
        _, _, who, group = fact.slice.split("|")
        console.print(
            f"{who} decides against {fact.value:.0%} of {fact.n:,} with {group}, and {fact.detail['others']:.0%} of "
            f"the rest (adjusted p {fact.detail['p_adjusted']:.3f})",
            style="yellow", highlight=False, soft_wrap=True,
        )  # fmt: skip


def _table(*columns: str) -> Table:
    table = Table(show_edge=False, pad_edge=False, header_style="bold")
    for number, column in enumerate(columns):
        table.add_column(column, justify="left" if number < 2 else "right", overflow="fold")
    return table
