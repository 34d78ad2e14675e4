"""The worker: does what Argilla puts off, such as the records' status after a changed overlap, and webhooks."""

from __future__ import annotations

import os
import signal
import sys
from importlib.util import find_spec
from types import ModuleType

from .orphan import end_with


def work(server: int) -> None:
    """Work until the process `server` has ended."""
    # A worker holds nothing that could be lost: jobs are in the server's memory.
    end_with(server, signal.SIGKILL)
    _leave_out_the_application()
    from argilla_server.jobs.queues import DEFAULT_QUEUE, HIGH_QUEUE, REDIS_CONNECTION
    from rq import SimpleWorker

    from . import engine  # noqa: F401  registers itself

    print(f"worker {os.getpid()} of server {server}", file=sys.stderr, flush=True)  # noqa: T201
    SimpleWorker([HIGH_QUEUE, DEFAULT_QUEUE], connection=REDIS_CONNECTION).work(logging_level="WARNING")


def _leave_out_the_application() -> None:
    """Let parts of argilla_server be imported without the package's `__init__`, which makes the whole web application:
    106 MB instead of 258, and 3 s instead of 7."""
    spec = find_spec("argilla_server")
    assert spec is not None
    package = ModuleType("argilla_server")
    package.__path__ = list(spec.submodule_search_locations or [])
    package.__file__, package.__spec__ = spec.origin, spec
    sys.modules["argilla_server"] = package
