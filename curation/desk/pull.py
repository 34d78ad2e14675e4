"""`python -m curation.desk pull`: answers come back, as verdicts and a new version."""

from __future__ import annotations

import polars as pl
from rich.console import Console
from rich.table import Table

from curation.desk import sheet
from curation.desk.answers import SUBMITTED, Answer, as_frame
from curation.desk.bring_back import bring_back
from curation.desk.carry import carry, carry_after
from curation.desk.client import Client, NotThere
from curation.desk.config import DeskCommand, existing_store
from curation.desk.counts import count_facts
from curation.desk.decide import STAGE, Terms, decides
from curation.desk.download import download
from curation.desk.leaks import leak_facts
from curation.desk.preference import preference_facts
from curation.desk.questions import restored
from curation.desk.server.reach import reach
from curation.desk.settings import DATASET, LabellingConfig
from curation.restore import keeping_latest
from curation.steps import Step
from curation.undo import later_again
from data.annotations import DeskDataset
from data.commands import spelt
from data.errors import UserError, closest
from data.facts import Fact
from data.scrubbed import scrubbed
from data.store import Store


def pull(command: DeskCommand) -> None:
    """Take over all answers of the dataset, and make a new version of what they decide."""
    console = Console()
    with existing_store(command) as store:
        placed, gone = placed_datasets(store, command), []
        for dataset in placed:
            try:
                answers = read(store, command, dataset)
            except NotThere:
                gone.append(dataset.dataset)
                continue
            frame, strangers = as_frame(store, dataset.dataset, answers)
            # A sheet is all that its annotator says; a server is all that anybody does.
            in_file = dataset.place.startswith("file:")
            counts = store.add_answers(dataset.dataset, frame, partial=in_file)
            _show(dataset, frame, counts, strangers, console)
            for fact in _facts(store, dataset):
                if "says" in fact.detail:
                    console.print(fact.detail["says"], highlight=False)
        _say_gone(gone, len(placed), console)
        # Of all datasets at once: facts of one name replace each other.
        store.add_facts([fact for dataset in store.desk_datasets() for fact in _facts(store, dataset)])
        if not command.apply:
            console.print("apply=false: the answers are kept, and no version was made")
            return
        if not any(decides(one.questions["ask"]) for one in placed):
            console.print("counted; these questions decide nothing about records")
            return
        steps = apply_answers(store, command)
        if not steps:
            console.print("no record of the newest version has enough answers yet", style="yellow")
            return
        _show_step(store, steps, console)


def _facts(store: Store, dataset: DeskDataset) -> list[Fact]:
    return [*leak_facts(store, dataset), *preference_facts(store, dataset), *count_facts(store, dataset)]


def _say_gone(gone: list[str], of: int, console: Console) -> None:
    """Say which datasets the server does not have. Raises UserError where it has none of them."""
    if not gone:
        return
    said = f"not on this server (any more): {', '.join(gone)}; what was pulled of it before is kept"
    if len(gone) == of:
        raise UserError(said, "another server? desk.url=...   or push anew: python -m curation.desk push")
    console.print(said, style="yellow", highlight=False, soft_wrap=True)


def named_datasets(store: Store, config: LabellingConfig) -> list[DeskDataset]:
    """The dataset that `config.dataset` names; without a name all that were pushed. Raises UserError."""
    known = {one.dataset: one for one in store.desk_datasets()}
    if not known:
        raise UserError("nothing was pushed to the desk from this store", "python -m curation.desk push")
    if config.dataset and config.dataset not in known:
        raise UserError(
            f"no dataset '{config.dataset}' was pushed from this store", closest(config.dataset, known)
        )
    assert not config.dataset or DATASET.fullmatch(config.dataset)
    return [known[config.dataset]] if config.dataset else list(known.values())


def placed_datasets(store: Store, command: DeskCommand) -> list[DeskDataset]:
    """Those of the named datasets that are where `command` reads: in files with desk.file, else on a server.

    Raises UserError where it is not plain which ones.
    """
    named, where = named_datasets(store, command), "file:" if command.desk.file else "argilla:"
    found = [one for one in named if one.place.startswith(where)]
    if not found:
        raise UserError(
            f"{named[0].dataset} is on a server, not in files"
            if command.desk.file
            else f"{named[0].dataset} was written to a file",
            "leave desk.file out"
            if command.desk.file
            else "say which files hold answers: desk.file='answers/*.csv'",
        )
    if command.desk.file and len(found) > 1:
        raise UserError(
            f"which dataset do the files {command.desk.file} answer?",
            "name it: dataset=" + " or dataset=".join(one.dataset for one in found),
        )
    return found


def read(store: Store, command: DeskCommand, dataset: DeskDataset) -> list[Answer]:
    """The answers of a dataset, from the server or the file that it is in."""
    kind, _, place = dataset.place.partition(":")
    items = {row["item"]: row for row in store.desk_items(dataset.dataset).to_dicts()}
    if kind == "file":
        return sheet.read(command.desk, dataset.dataset, restored(dataset.questions), items)
    with Client(reach(command.desk)) as client:
        return download(client, place, {name: row["shown_hash"] for name, row in items.items()})


def apply_answers(store: Store, config: LabellingConfig) -> list[Step]:
    """The newest version with what people decided, and the stages after that again where a text changed before them.

    First comes back what dedup had removed and people keep. Texts that were shown as they were read are changed before
    the pii stage; all others at the end.
    """
    terms = Terms(config.rule, config.min_answers, config.drop_below)
    plan = [version for version in store.lineage("latest") if version.stage != STAGE]
    with keeping_latest(store):
        steps = bring_back(store, plan, terms)
        if steps:
            plan = [version for version in store.lineage(steps[-1].version) if version.stage != STAGE]
        place = next((i for i, version in enumerate(plan) if scrubbed([version])), None)
        last = plan[-1].version
        if place:
            before = plan[place - 1].version
            early = carry(store, before, terms, scrubbed=False)
            parent = early.version if early else before
            if plan[place].parent != parent:
                steps += [early] if early else []
                steps += later_again(store, parent, plan, before)
                last = steps[-1].version
        late = carry_after(store, last, terms)
        if late is not None:
            steps.append(late)
        elif not steps:
            store.reuse(plan[-1].version)  # no answer decides anything any more
    return steps


def _show(
    dataset: DeskDataset, frame: pl.DataFrame, counts: dict[str, int], strangers: int, console: Console
) -> None:
    """One line of what came in, and what of it does not count."""
    submitted = frame.filter(pl.col("status") == SUBMITTED)
    line = f"{dataset.dataset}: {submitted.height:,} answers to {submitted['item'].n_unique():,} items by "
    line += f"{submitted['annotator'].n_unique()} annotators"
    line += "".join(f", {count:,} {what}" for what, count in counts.items() if count)
    apart = frame.group_by("status").len().filter(pl.col("status") != SUBMITTED).sort("status")
    line += "".join(f", {count:,} {status} (kept apart)" for status, count in apart.iter_rows())
    console.print(line, highlight=False, soft_wrap=True)
    stale = submitted["stale"].sum()
    if stale:
        console.print(
            f"{stale:,} answers are stale: the text was changed on the desk since it was pushed. They decide nothing.",
            style="yellow", highlight=False, soft_wrap=True,
        )  # fmt: skip
    if strangers:
        console.print(
            f"{strangers:,} answers to records that were not pushed from this store are left out",
            style="yellow",
        )


def _show_step(store: Store, steps: list[Step], console: Console) -> None:
    made = store.version(steps[-1].version)
    table = Table(show_edge=False, pad_edge=False, header_style="bold")
    table.add_column("verdict")
    table.add_column("records", justify="right")
    table.add_column("for instance")
    found = store.query(
        """SELECT reason, count(DISTINCT record_id) AS n, min(record_id) AS one FROM verdicts
        WHERE list_contains(?, version) AND (starts_with(reason, 'desk_') OR reason = 'undo_restored')
        GROUP BY reason ORDER BY n DESC, reason""",
        [[step.version for step in steps]],
    )
    for reason, count, one in found.iter_rows():
        table.add_row(reason, f"{count:,}", one)
    console.print(table)
    console.print(f"version [bold]{made.version}[/], {made.rows:,} records", highlight=False)
    if found.height:
        hint = spelt(f"python -m data why {found['one'][0]}", str(store.path))
        console.print(hint, style="dim", highlight=False, soft_wrap=True)
