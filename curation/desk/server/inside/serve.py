"""Argilla's server with the desk's search engine, Redis and worker: one process, one child."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from .orphan import end_with
from .text_index import ensure

DATABASE = "argilla.db"
SAID = "desk: "  # begins the line of the log that `up` shows where the server could not start
GRACE_SECONDS = 5
FOREIGN = re.compile(r"@import url\(https?://[^)]*\);")
BUSY_SECONDS = 30  # that a write waits for another's


def serve(home: Path, order: dict[str, Any], boot: list[str]) -> None:
    """Serve until SIGTERM or SIGINT.

    home    the desk's folder
    order   parent (process id to end with, or 0), socket (a bound socket's descriptor), redis (a URL or empty),
            workspace, accounts, secret
    boot    command that starts this package in another process
    """
    if order["parent"]:
        end_with(order["parent"], signal.SIGTERM)
    scratch = home / "tmp"  # Argilla copies its page into a temporary folder and leaves it there
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()
    redis = order["redis"] or _own_redis()
    os.environ.update(
        TMPDIR=str(scratch),
        ARGILLA_HOME_PATH=str(home),
        ARGILLA_SEARCH_ENGINE="desk",
        ARGILLA_REDIS_URL=redis,
        ARGILLA_AUTH_SECRET_KEY=order["secret"],
        ARGILLA_DATABASE_SQLITE_TIMEOUT=str(BUSY_SECONDS),
        ARGILLA_AUTH_OAUTH_CFG=str(home / "oauth.yaml"),
    )
    _check_redis(redis)
    _make_database(home / DATABASE)
    ensure(str(home / DATABASE))
    from . import engine  # noqa: F401  registers itself
    from .reading import keep_searches_reading

    keep_searches_reading()

    asyncio.run(_prepare(order))
    worker = subprocess.Popen([*boot, "work", str(home), str(os.getpid())], stdin=subprocess.DEVNULL)
    try:
        _listen(order["socket"], home)
    finally:
        worker.kill()
        worker.wait()
        (home / "server.json").unlink(missing_ok=True)


async def _prepare(order: dict[str, Any]) -> None:
    from argilla_server.database import async_engine

    from .accounts import ensure as ensure_accounts
    from .overdue import requeue

    await ensure_accounts(order["accounts"], order["workspace"])
    await requeue()
    await async_engine.dispose()  # its connections belong to this event loop


def _own_redis() -> str:
    """Start a Redis within this process; its address."""
    from fakeredis import TcpFakeServer

    TcpFakeServer.allow_reuse_address = True
    server = TcpFakeServer(("127.0.0.1", 0), server_type="redis")
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"redis://127.0.0.1:{server.server_address[1]}/0"


def _check_redis(url: str) -> None:
    """Argilla itself would try for a minute, and then fail with a traceback."""
    import redis

    try:
        redis.from_url(url, socket_connect_timeout=5, socket_timeout=5).ping()
    except redis.exceptions.RedisError as error:
        parts = urlsplit(url)
        give_up(f"no Redis at {parts.scheme}://{parts.hostname}:{parts.port or 6379}: {error}")


def _make_database(path: Path) -> None:
    """Bring the database to Argilla's newest tables. A new one gets its name only once it is whole."""
    from alembic import command
    from alembic.config import Config
    from argilla_server.database import ALEMBIC_CONFIG_FILE
    from argilla_server.settings import settings

    address = settings.database_url
    fresh = path.with_name(f"{path.name}.new")
    fresh.unlink(missing_ok=True)
    if not path.exists():
        settings.database_url = address.replace(str(path), str(fresh))
    command.upgrade(Config(ALEMBIC_CONFIG_FILE), "head")
    settings.database_url = address
    if fresh.exists():
        fresh.rename(path)
    path.chmod(0o600)


def _stay_here(scratch: Path) -> None:
    """Take foreign fonts out of the copy of the page: annotators' browsers ask nobody but this server."""
    import argilla_server  # noqa: F401  makes the copy

    for style in scratch.rglob("*.css"):
        text = style.read_text(encoding="utf-8")
        if FOREIGN.search(text):
            style.write_text(FOREIGN.sub("", text), encoding="utf-8")


def _listen(descriptor: int, home: Path) -> None:
    import uvicorn

    _stay_here(home / "tmp")
    config = uvicorn.Config(
        "argilla_server:app", access_log=False, log_level="warning", timeout_graceful_shutdown=GRACE_SECONDS
    )
    # uvicorn raises the signal that ended it once more, and the default would leave out what comes after.
    for ending in (signal.SIGTERM, signal.SIGINT):
        signal.signal(ending, lambda number, frame: None)
    with socket.socket(fileno=descriptor) as listening:
        uvicorn.Server(config).run(sockets=[listening])


def give_up(problem: str) -> None:
    """End with a line that `up` shows."""
    print(f"{SAID}{problem}", file=sys.stderr, flush=True)  # noqa: T201
    sys.exit(3)


def read_order() -> dict[str, Any]:
    """The order from standard input: passwords stand in no command line and no environment."""
    order: dict[str, Any] = json.load(sys.stdin)
    return order
