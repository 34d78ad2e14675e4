"""Ctrl-C while a command is still importing ends it with one line, without the traceback of some library.

Imports nothing but what Python has loaded at its start, and is the first module of ours that every command imports.
"""

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType
    from typing import NoReturn

COMMANDS = ("audit", "curation", "curation.desk", "data", "eval", "train")
_SIGINT = 2  # signal.SIGINT, without the module, which takes a while


def stopped() -> "NoReturn":
    """The end of a command that was interrupted before it began."""
    print("\nstopped; nothing was begun", file=sys.stderr, flush=True)  # noqa: T201
    os._exit(128 + _SIGINT)


def _uncaught(kind: type[BaseException], error: BaseException, trace: "TracebackType | None") -> None:
    # Python 3.11 wraps what is raised while a class is made.
    if isinstance(error, KeyboardInterrupt) or isinstance(error.__cause__, KeyboardInterrupt):
        stopped()
    sys.__excepthook__(kind, error, trace)


def _is_program() -> bool:
    """Whether Python was started for one of our commands; not where a notebook or another program imports us."""
    words = sys.orig_argv
    if "-m" in words:
        return words[words.index("-m") + 1 :][:1] in [[name] for name in COMMANDS]
    return os.path.basename(words[1] if len(words) > 1 else "") == "tuneproof"  # noqa: PTH119 - pathlib takes a while


if _is_program():
    sys.excepthook = _uncaught
