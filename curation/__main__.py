"""`python -m curation`: raw file -> versions."""

from __future__ import annotations

from pathlib import Path

from conf.app import main
from curation.config import CurationConfig


def run(config: CurationConfig) -> int | None:
    """Run the stages, or show what they would do."""
    from rich.console import Console

    from curation.border import show_border
    from curation.dry_run import dry_run
    from curation.pipeline import run_pipeline
    from curation.planted import report
    from curation.rethreshold import show_rethreshold
    from curation.summary import show
    from curation.undo import show_undo
    from data.store import Store

    console = Console()
    if config.dry_run:
        dry_run(config, console)
        return 0
    with Store.open(config.store.path) as store:
        if config.undo:
            show_undo(store, config, console)
            return 0
        if config.border:
            show_border(store, config, console)
            return 0
        if config.rethreshold:
            show_rethreshold(store, config, console)
            return 0
        steps = run_pipeline(store, config)
        if config.tag:
            store.tag(config.tag, steps[-1].version)
        show(store, steps, config, console)
        if config.planted:
            report(store, steps, Path(config.planted), console)
        console.print("next: python -m data show latest   python -m audit   python -m train", style="dim")
    return 0


if __name__ == "__main__":
    main("curation", CurationConfig, run)
