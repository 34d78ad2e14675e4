"""`python -m curation.desk up`: starts Argilla's server with its page, and stays with it until Ctrl-C."""

from __future__ import annotations

import errno
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from curation.desk.config import DeskCommand, DeskConfig
from curation.desk.server.environment import ready
from curation.desk.server.home import Home, make_accounts
from curation.desk.server.reach import answers
from data.commands import spelt
from data.errors import UserError
from data.key import VARIABLE
from data.trouble import check_folder

LOG_BYTES = 5_000_000  # a longer log is kept once, under another name, and begun anew
STOP_SECONDS = 10


def up(command: DeskCommand) -> int:
    """Start the server, say where it is, and wait for its end; with desk.detach=true only until it is ready."""
    desk = command.desk
    if desk.url:
        raise UserError(
            f"desk.url={desk.url} names a server that runs already", "leave desk.url out to start one"
        )
    home = Home.of(desk)
    check_folder(home.folder, "name another folder: desk.home=FOLDER, or the variable TUNEPROOF_DESK")
    if home.is_served():
        raise _runs_already(home)
    for ending in (signal.SIGTERM, signal.SIGINT):  # SIGINT is ignored in what a script starts with &
        signal.signal(ending, _as_interrupt)
    python = ready(desk)
    home.make()
    lock = home.lock()
    if lock is None:
        raise _runs_already(home)
    home.check_database()
    credentials, new = make_accounts(desk, home.read_credentials())
    with _listening(desk) as listening:
        address = _address(desk.host, listening.getsockname()[1])
        home.write_credentials(credentials)
        server = _start(home, desk, python, listening, lock, credentials)
        os.close(lock)  # the server holds it now
    try:
        _write_state(home, server.pid, address)
        _wait_until_ready(home, desk, server, address)
        _say(home, desk, address, credentials["users"], new, server.pid)
        if desk.detach:
            return 0
        code = server.wait()
    except KeyboardInterrupt:
        _stop(server)
        print("\nstopped; every answer is kept", file=sys.stderr)  # noqa: T201
        return 0
    except BaseException:
        _stop(server)
        raise
    if code not in (0, -signal.SIGTERM):  # `down` ends it with SIGTERM
        raise UserError(f"the server ended by itself ({code})", *_last_words(home), f"its log: {home.log}")
    print("stopped; every answer is kept", file=sys.stderr)  # noqa: T201
    return 0


def _runs_already(home: Home) -> UserError:
    where = home.read_state().get("url", "an address that is not known yet")
    return UserError(
        f"a server runs on {home.folder} already: {where}",
        "stop it: python -m curation.desk down",
        "for a second one beside it: desk.home=FOLDER desk.port=6901",
    )


def _listening(desk: DeskConfig) -> socket.socket:
    """A socket at the server's address, taken before the server is started: nobody can take it meanwhile."""
    try:
        family, kind, protocol, _, place = socket.getaddrinfo(desk.host, desk.port, type=socket.SOCK_STREAM)[
            0
        ]
    except OSError:
        raise UserError(f"desk.host={desk.host}: no such address", "usual: desk.host=127.0.0.1") from None
    listening = socket.socket(family, kind, protocol)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind(place)
        listening.listen(128)
    except OSError as error:
        listening.close()
        what = "is taken" if error.errno == errno.EADDRINUSE else str(error.strerror)
        raise UserError(
            f"desk.port={desk.port} on {desk.host}: {what}",
            "another port: desk.port=6901, or desk.port=0 for any that is free",
            "another address of this machine: desk.host=127.0.0.1",
        ) from None
    return listening


def _address(host: str, port: int) -> str:
    reached = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)
    return f"http://{reached}:{port}"


def _start(
    home: Home,
    desk: DeskConfig,
    python: Path,
    listening: socket.socket,
    lock: int,
    credentials: dict[str, Any],
) -> subprocess.Popen[str]:
    if home.log.exists() and home.log.stat().st_size > LOG_BYTES:
        home.log.replace(home.log.with_suffix(".log.1"))
    # Appended to the path: names of this folder must not hide those of libraries.
    boot = f"import sys, runpy; sys.path.append({str(Path(__file__).parent)!r}); "
    boot += "runpy.run_module('inside', run_name='__main__', alter_sys=True)"
    with home.log.open("a", encoding="utf-8") as log:
        server = subprocess.Popen(
            [str(python), "-I", "-c", boot, "serve", str(home.folder)],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            text=True,
            cwd=home.folder,
            env={**_plain_environment(), "DESK_BOOT": boot},
            pass_fds=(listening.fileno(), lock),
            # Ctrl-C in the terminal goes to us, and we end the server in order.
            start_new_session=True,
        )
    order = {
        "parent": 0 if desk.detach else os.getpid(),
        "socket": listening.fileno(),
        "redis": desk.redis,
        "workspace": desk.workspace,
        "accounts": credentials["users"],
        "secret": credentials["secret"],
    }
    assert server.stdin is not None
    try:
        server.stdin.write(json.dumps(order))
        server.stdin.close()
    except BrokenPipeError:
        pass  # it ended at once: its log says why
    return server


def _plain_environment() -> dict[str, str]:
    """Ours without what would steer Argilla or its Python elsewhere, and without the key of pseudonyms."""
    left = ("ARGILLA_", "PYTHON", VARIABLE)
    kept = {key: value for key, value in os.environ.items() if not key.startswith(left)}
    # Two arenas of memory instead of eight a core.
    return {**kept, "MALLOC_ARENA_MAX": "2"}


def _write_state(home: Home, pid: int, address: str) -> None:
    state = {"pid": pid, "url": address, "started": time.time()}
    home.state.write_text(json.dumps(state), encoding="utf-8")


def _wait_until_ready(home: Home, desk: DeskConfig, server: subprocess.Popen[str], address: str) -> None:
    from rich.console import Console

    end = time.monotonic() + desk.wait_seconds
    with Console(stderr=True).status("starting the labelling server"):
        while not answers(address):
            if server.poll() is not None:
                words = _last_words(home)
                raise UserError(f"the server could not start: {words[0]}", *words[1:], f"its log: {home.log}")
            if time.monotonic() > end:
                raise UserError(
                    f"the server was not ready after {desk.wait_seconds:g} s",
                    "on a slow machine: desk.wait_seconds=600",
                    f"its log: {home.log}",
                )
            time.sleep(0.1)


def _last_words(home: Home) -> list[str]:
    """What the server said last: its own line for people, else the last lines of its log."""
    lines = home.log.read_text(encoding="utf-8", errors="replace").splitlines() or ["it said nothing"]
    if lines[-1].startswith("desk: "):
        return [lines[-1].removeprefix("desk: ")]
    return [lines[-1], *lines[-4:-1]]


def _say(home: Home, desk: DeskConfig, address: str, users: dict[str, Any], new: list[str], pid: int) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False, soft_wrap=True)
    console.print(f"labelling desk: [bold]{address}[/]")
    if new:
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
        for heading in ("user", "password", "role"):
            table.add_column(heading, no_wrap=True)
        for name in new:
            table.add_row(name, users[name]["password"], users[name]["role"])
        console.print(table)
    console.print(f"passwords and API keys: {home.credentials}", markup=False)
    if desk.host not in ("127.0.0.1", "localhost", "::1"):
        console.print(f"listening on {desk.host}, unencrypted: put a proxy with TLS before it", markup=False)
    if desk.detach:
        console.print(
            spelt(f"running in the background (process {pid}); python -m curation.desk down stops it")
        )
    else:
        console.print("Ctrl-C stops it", style="dim")


def _stop(server: subprocess.Popen[str]) -> None:
    server.terminate()
    try:
        server.wait(STOP_SECONDS)
    except (subprocess.TimeoutExpired, KeyboardInterrupt):
        server.kill()
        server.wait()


def _as_interrupt(number: int, frame: object) -> None:
    raise KeyboardInterrupt
