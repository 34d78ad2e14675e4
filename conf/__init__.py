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


# Only where a command of ours (audit/__main__.py, curation/desk/__main__.py) is the program: this package is the
# first that each of them imports.
_ROOT = Path(__file__).parent.parent
if sys.argv and Path(sys.argv[0]).name == "__main__.py" and _ROOT in Path(sys.argv[0]).parents[1:3]:
    sys.excepthook = _uncaught
