"""`python -m curation`: raw file -> versions."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from conf.app import main
from curation.config import CurationConfig
from data.commands import spelt
from data.scrubbed import scrubbed

if TYPE_CHECKING:
    from data.store import Store


def run(config: CurationConfig) -> int | None:
    """Run the stages, or show what they would do."""
    from rich.console import Console

    from curation.border import show_border
    from curation.dry_run import dry_run
    from curation.pipeline import run_pipeline
    from curation.planted import report
    from curation.rethreshold import show_rethreshold
    from curation.summary import show
    from curation.topics import show_topics
    from curation.undo import show_undo
    from data.connection import leaving_no_empty_store
    from data.journal import check_tag
    from data.retention import overdue, set_days
    from data.store import Store

    console = Console()
    if config.dry_run:
        dry_run(config, console)
        return 0
    if config.tag:
        check_tag(config.tag)
    path = Path(config.store.path).expanduser()
    fresh = not path.exists()
    with Store.open(path) as store, leaving_no_empty_store(store.connection, path, fresh=fresh):
        if config.undo:
            show_undo(store, config, console)
            return 0
        if config.border:
            show_border(store, config, console)
            return 0
        if config.rethreshold:
            show_rethreshold(store, config, console)
            return 0
        if config.topics.version:
            show_topics(store, config, console)
            return 0
        steps = run_pipeline(store, config)
        if config.tag:
            store.tag(config.tag, steps[-1].version)
        show(store, steps, config, console)
        set_days(store, config.retention.days)
        if over := overdue(store):
            said = spelt(str(over), config.store.path)
            console.print(f"[yellow]warning:[/] {said}", highlight=False, soft_wrap=True)
        if config.planted:
            report(store, steps, Path(config.planted), console)
        said = spelt(following(store, steps[-1].version), config.store.path)
        console.print(said, style="dim", markup=False, highlight=False, soft_wrap=True)
    return 0


def following(store: Store, version: str) -> str:
    """What to do with `version` next. Training refuses one that was not searched for personal data."""
    ready = scrubbed(store.lineage(version))
    lines = ["python -m data show latest", "python -m audit"]
    lines += ["python -m train" if ready else "python -m curation ... pii=presidio"]
    note = "" if ready else "   (training refuses data without the pii stage)"
    return f"next: {'   '.join(lines)}{note}"


if __name__ == "__main__":
    main("curation", CurationConfig, run)
