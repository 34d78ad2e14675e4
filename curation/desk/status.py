"""`python -m curation.desk status`: the server, and how far the labelling is."""

from __future__ import annotations

from rich.console import Console

from curation.desk.config import DeskCommand
from curation.desk.server.home import Home
from curation.desk.server.state import look


def status(command: DeskCommand) -> None:
    """Print the state of the server, and the progress of what was pushed to it (or to files)."""
    from curation.desk.progress import show_progress, show_sheets

    console = Console()
    if command.desk.file:
        show_sheets(command, console)
        return
    home = Home.of(command.desk)
    if not command.desk.url:
        print("\n".join(look(home).lines(home)), flush=True)  # noqa: T201
    if command.desk.url or home.is_served():
        show_progress(command, console)
