"""The worker: does what Argilla puts off, such as the records' status after a changed overlap, and webhooks."""

from __future__ import annotations

import os
import signal
import sys

from .orphan import end_with


def work(server: int) -> None:
    """Work until the process `server` has ended."""
    # A worker holds nothing that could be lost: jobs are in the server's memory.
    end_with(server, signal.SIGKILL)
    os.environ.setdefault("RQ_WORKER", "1")
    from argilla_server.jobs.queues import DEFAULT_QUEUE, HIGH_QUEUE, REDIS_CONNECTION
    from rq import SimpleWorker

    from . import engine  # noqa: F401  registers itself

    print(f"worker {os.getpid()} of server {server}", file=sys.stderr, flush=True)  # noqa: T201
    SimpleWorker([HIGH_QUEUE, DEFAULT_QUEUE], connection=REDIS_CONNECTION).work(logging_level="WARNING")
