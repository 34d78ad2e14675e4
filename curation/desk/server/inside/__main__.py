"""`inside serve HOME` and `inside work HOME SERVER`, which `curation.desk.server.up` starts in its environment."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from .serve import read_order, serve
from .work import work

if __name__ == "__main__":
    # Before any library that talks to a hub is imported.
    os.environ.update(HF_HUB_DISABLE_TELEMETRY="1", HF_HUB_OFFLINE="1")
    verb, home = sys.argv[1], Path(sys.argv[2])
    if verb == "serve":
        serve(home, read_order(), [sys.executable, "-I", "-c", os.environ["DESK_BOOT"]])
    else:
        work(int(sys.argv[3]))
