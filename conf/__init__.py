"""Hydra composition: from YAML files and `key=value` overrides to one typed dataclass a command."""

import os
import signal
import sys
from pathlib import Path
from types import TracebackType
from typing import NoReturn


def stopped() -> NoReturn:
    """The end by Ctrl-C of a command that was still importing, without the traceback of some library."""
    print("\nstopped; nothing was begun", file=sys.stderr, flush=True)  # noqa: T201
    os._exit(128 + signal.SIGINT)


def _uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        stopped()
    sys.__excepthook__(kind, error, trace)


# Only where a command of ours is the program: this package is the first that each of them imports.
if sys.argv and Path(sys.argv[0]).parent.parent == Path(__file__).parent.parent:
    sys.excepthook = _uncaught
