"""What is known of the server of a home: whether it runs, where, how much memory it takes, what it holds."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from datetime import timedelta
from time import time

from curation.desk.server.down import server_process
from curation.desk.server.home import Home
from curation.desk.server.reach import answers
from data.commands import spelt


@dataclass(frozen=True, slots=True)
class ServerState:
    """A look at a server.

    running   a server holds the home
    answering it answers at `url`
    pid       its process, None where it is not known
    url       its address, empty where none runs
    seconds   since it was started
    memory    resident bytes of server and worker
    held      rows by kind: users, datasets, records, answers
    """

    running: bool
    answering: bool
    pid: int | None
    url: str
    seconds: float
    memory: int
    held: dict[str, int]

    def lines(self, home: Home) -> list[str]:
        """What `status` prints of it."""
        held = ", ".join(f"{count:,} {kind}" for kind, count in self.held.items()) or "nothing yet"
        if not self.running:
            start = spelt("python -m curation.desk up")
            return [f"server    not running: {start}   ({home.folder})", f"holds     {held}"]
        how = "running" if self.answering else "started, not answering"
        since = timedelta(seconds=round(self.seconds))
        return [
            f"server    {how} at {self.url}, process {self.pid}, for {since}",
            f"memory    {self.memory / 1e6:,.0f} MB with its worker",
            f"holds     {held}",
            f"home      {home.folder}",
        ]


def look(home: Home) -> ServerState:
    """Look at the server of `home`; changes nothing."""
    process = server_process(home)
    state = home.read_state() if home.is_served() else {}
    url = str(state.get("url", ""))
    return ServerState(
        running=home.is_served(),
        answering=bool(url) and answers(url),
        pid=process.pid if process else None,
        url=url,
        seconds=time() - float(state.get("started", time())),
        memory=_memory(process),
        held=_held(home),
    )


def _memory(process: object) -> int:
    import psutil

    total = 0
    if isinstance(process, psutil.Process):
        for one in (process, *process.children(recursive=True)):
            try:
                total += one.memory_info().rss
            except psutil.Error:
                continue
    return total


def _held(home: Home) -> dict[str, int]:
    """Counted in the database itself, so that it is known without a server too."""
    if not home.database.exists():
        return {}
    try:
        connection = sqlite3.connect(f"file:{home.database}?mode=ro", uri=True, timeout=5)
    except sqlite3.Error:
        return {}
    try:
        tables = {"users": "users", "datasets": "datasets", "records": "records", "answers": "responses"}
        return {
            kind: int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])
            for kind, table in tables.items()
        }
    except sqlite3.Error:
        return {}
    finally:
        connection.close()
