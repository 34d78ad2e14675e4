"""`python -m data`: asking the store."""

from __future__ import annotations

import argparse
import re
import signal
import sys
from functools import partial
from pathlib import Path

from data.commands import DEFAULT_STORE, as_options, default_store, started_as
from data.erasing_arguments import add_erasing
from data.trouble import complain, trouble
from data.vault_arguments import add_vault


def parser() -> argparse.ArgumentParser:
    """The command line of `python -m data`; `--store` may stand before and after the command."""
    naming = f"the DuckDB file, also as store.path=FILE (default: $TUNEPROOF_STORE or {DEFAULT_STORE})"
    after = argparse.ArgumentParser(add_help=False)
    after.add_argument("--store", default=argparse.SUPPRESS, help=naming)
    top = argparse.ArgumentParser(prog=f"{started_as()} data", description="Ask the store.")
    top.add_argument("--store", default=default_store(), help=naming)
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    add = partial(commands.add_parser, parents=[after])
    add("status", help="the store, models, disk and GPU, and what is missing")
    add("versions", help="all versions, how each was made")
    show = add("show", help="one version: counts, reasons, some records")
    show.add_argument("version", nargs="?", default="latest", help="an id or its beginning, a tag, or latest")
    show.add_argument("--rows", type=int, default=3, help="records shown (default %(default)s)")
    overview = add("overview", help="one screen: what was removed, audit, base against tuned, reports")
    overview.add_argument("version", nargs="?", default="latest", help="as for show")
    why = add("why", help="the whole story of one record")
    why.add_argument("record", help="a record id or its beginning")
    diff = add("diff", help="what differs between two versions")
    diff.add_argument("left")
    diff.add_argument("right")
    diff.add_argument("--rows", type=int, default=20, help="records shown (default %(default)s)")
    facts = add("facts", help="stored facts")
    facts.add_argument("subject", nargs="?", help="a version, run or evaluation; all where left out")
    facts.add_argument("--name", help="only this check or metric")
    for name, what in (
        ("hardest", "training rows that a run never learnt: the highest loss after it"),
        ("memorised", "training rows that a run knows by heart: the lowest loss, against held-out rows"),
    ):
        learnt = add(name, help=what)
        learnt.add_argument("run", nargs="?", default="latest", help="an id or its beginning, or latest")
        learnt.add_argument("--rows", type=int, default=5, help="records shown (default %(default)s)")
    export = add("export", help="a version as a .jsonl, .jsonl.gz or .parquet file")
    export.add_argument("version")
    export.add_argument("file", type=Path)
    export.add_argument("--force", action="store_true", help="replace a file that is there already")
    export.add_argument(
        "--allow-unscrubbed", action="store_true", help="although personal data was not masked"
    )
    tag = add("tag", help="give a version a name")
    tag.add_argument("name")
    tag.add_argument("version", nargs="?", default="latest")
    backup = add("backup", help="a copy of the store in one file")
    backup.add_argument("file", type=Path)
    add_erasing(add)
    add_vault(add)
    return top


def main(arguments: list[str] | None = None) -> int:
    """Run one query command; returns the exit code (0, 2 for a user's mistake, 130 for Ctrl-C)."""
    words = sys.argv[1:] if arguments is None else arguments
    options = parser().parse_args([re.sub(r"^store\.path=", "--store=", word) for word in words])
    try:
        return _answer(options)
    except KeyboardInterrupt:
        print("\nstopped", file=sys.stderr)  # noqa: T201
        return 128 + signal.SIGINT


def _answer(options: argparse.Namespace) -> int:
    try:
        from data import ask

        ask.COMMANDS[options.command](options)
    except BrokenPipeError:  # `| head` closed the pipe: what was asked for was read
        sys.stderr.close()
    except SystemExit:  # so does rich say it; the commands do what they are to do before they print
        return 0
    except Exception as error:
        known = trouble(error)
        if known is None:
            raise
        return complain(as_options(known), options.store)
    return 0


if __name__ == "__main__":
    sys.exit(main())
