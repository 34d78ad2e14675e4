"""`python -m curation.desk down`: stops the server of a home, whoever started it."""

from __future__ import annotations

from typing import Any

from curation.desk.config import DeskCommand
from curation.desk.server.home import Home
from data.errors import UserError

STOP_SECONDS = 15


def down(command: DeskCommand) -> None:
    """Ask the server to end, and end it after 15 seconds; nothing happens where none runs."""
    import psutil

    home = Home.of(command.desk)
    process = server_process(home)
    if process is None:
        if home.is_served():
            raise UserError(
                f"a server runs on {home.folder}, and its process is not known",
                f"processes that hold it: fuser {home.folder / 'lock'}",
            )
        print(f"no labelling server runs on {home.folder}")  # noqa: T201
        return
    try:
        process.terminate()
        process.wait(STOP_SECONDS)
    except psutil.TimeoutExpired:
        process.kill()  # every acknowledged answer is in the database by now
        process.wait(STOP_SECONDS)
    except psutil.NoSuchProcess:
        pass
    except psutil.AccessDenied:
        raise UserError(
            f"the server on {home.folder} belongs to another user (process {process.pid})"
        ) from None
    print("stopped; every answer is kept")  # noqa: T201


def server_process(home: Home) -> Any:
    """The psutil.Process of the server that runs on `home`, or None. A process that took over the number is none."""
    import psutil

    if not home.is_served():
        return None
    try:
        process = psutil.Process(int(home.read_state().get("pid", 0)))
        return process if str(home.folder) in process.cmdline() else None
    except (psutil.Error, ValueError):
        return None
