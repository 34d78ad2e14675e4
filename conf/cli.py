"""The console script: `tuneproof COMMAND ...` is `python -m COMMAND ...` under a name that nothing shadows."""

from __future__ import annotations

import runpy
import sys
from importlib.metadata import version

from conf.messages import MODULES

COMMANDS = {
    "curation": "raw file -> versions: dedup, quality, personal data, splits",
    "desk": "people look at records: a labelling server, push, pull, agreement",
    "audit": "checks of a version, and the report that a reviewer reads",
    "train": "a version -> a tuned model",
    "eval": "base against tuned; metrics for a file of predictions",
    "data": "the store: status, versions, why, diff, facts, export, tag, backup",
}


def main() -> None:
    """Run the command named by the first argument with the rest of the line."""
    arguments = sys.argv[1:]
    if arguments and arguments[0] in ("--version", "-V"):
        print(f"tuneproof {version('tuneproof')}")  # noqa: T201
        return
    if not arguments or arguments[0] not in COMMANDS:
        asked = bool(arguments) and arguments[0] in ("-h", "--help")
        listing = "\n".join(f"  {name:<9} {meaning}" for name, meaning in COMMANDS.items())
        unknown = f"error: no such command: {arguments[0]}\n" if arguments and not asked else ""
        print(
            f"{unknown}usage: tuneproof COMMAND [key=value ...]\n\n{listing}\n\n"
            "tuneproof COMMAND --help lists a command's keys.",
            file=sys.stdout if asked else sys.stderr,
        )
        sys.exit(0 if asked else 2)
    sys.argv = [f"tuneproof {arguments[0]}", *arguments[1:]]
    runpy.run_module(MODULES.get(arguments[0], arguments[0]), run_name="__main__", alter_sys=True)
