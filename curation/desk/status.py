"""`python -m curation.desk status`: the server, and how far the labelling is."""

from __future__ import annotations

from curation.desk.config import DeskCommand
from curation.desk.server.home import Home
from curation.desk.server.state import look


def status(command: DeskCommand) -> None:
    """Print the state of the server."""
    home = Home.of(command.desk)
    if not command.desk.url:
        print("\n".join(look(home).lines(home)))  # noqa: T201
