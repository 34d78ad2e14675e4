"""`python -m data`: asking the store."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from data.errors import UserError

DEFAULT_STORE = "runs/warehouse.duckdb"


def parser() -> argparse.ArgumentParser:
    """The command line of `python -m data`."""
    top = argparse.ArgumentParser(prog="python -m data", description="Ask the store.")
    top.add_argument(
        "--store",
        default=os.environ.get("TUNEPROOF_STORE", DEFAULT_STORE),
        help="the DuckDB file (default: $TUNEPROOF_STORE or %(default)s)",
    )
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser("status", help="the store, models, disk and GPU, and what is missing")
    commands.add_parser("versions", help="all versions, how each was made")
    show = commands.add_parser("show", help="one version: counts, reasons, some records")
    show.add_argument("version", nargs="?", default="latest", help="an id or its beginning, a tag, or latest")
    show.add_argument("--rows", type=int, default=3, help="records shown (default %(default)s)")
    overview = commands.add_parser(
        "overview", help="one screen: what was removed, audit, base against tuned, reports"
    )
    overview.add_argument("version", nargs="?", default="latest", help="as for show")
    why = commands.add_parser("why", help="the whole story of one record")
    why.add_argument("record", help="a record id or its beginning")
    diff = commands.add_parser("diff", help="what differs between two versions")
    diff.add_argument("left")
    diff.add_argument("right")
    diff.add_argument("--rows", type=int, default=20, help="records shown (default %(default)s)")
    facts = commands.add_parser("facts", help="stored facts")
    facts.add_argument("subject", nargs="?", help="a version, run or evaluation; all where left out")
    facts.add_argument("--name", help="only this check or metric")
    export = commands.add_parser("export", help="a version as a .jsonl or .parquet file")
    export.add_argument("version")
    export.add_argument("file", type=Path)
    export.add_argument(
        "--allow-unscrubbed", action="store_true", help="although personal data was not masked"
    )
    tag = commands.add_parser("tag", help="give a version a name")
    tag.add_argument("name")
    tag.add_argument("version", nargs="?", default="latest")
    backup = commands.add_parser("backup", help="a copy of the store in one file")
    backup.add_argument("file", type=Path)
    return top


def main(arguments: list[str] | None = None) -> int:
    """Run one query command; returns the exit code (0, or 2 for a user's mistake)."""
    options = parser().parse_args(arguments)
    from data import ask

    try:
        ask.COMMANDS[options.command](options)
    except UserError as error:
        print(f"error: {error.problem}", *error.hints, sep="\n  ", file=sys.stderr)  # noqa: T201
        return 2
    except BrokenPipeError:  # `| head` closed the pipe: what was asked for was read
        sys.stderr.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
