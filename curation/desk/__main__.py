"""`python -m curation.desk VERB [key=value ...]`: the labelling desk."""

from __future__ import annotations

import sys
from importlib import import_module

from conf.app import main
from curation.desk.config import DeskCommand
from curation.desk.verbs import DEEDS, overrides
from data.errors import UserError
from data.trouble import complain


def run(command: DeskCommand) -> int | None:
    """Do what the verb says."""
    deed = DEEDS[command.verb]
    done: int | None = getattr(import_module(deed.module), deed.function)(command)
    return done


if __name__ == "__main__":
    try:
        sys.argv[1:] = overrides(sys.argv[1:])
    except UserError as error:
        sys.exit(complain(error))
    main("desk", DeskCommand, run)
