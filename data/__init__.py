"""Records, versions, verdicts, facts and runs; loading, the store, and the rendering of reports.

The lowest layer: imports no other package of the project, and is the only one that opens DuckDB.
"""

import os

from data import interrupted as interrupted  # first: see there

# Before DuckDB is loaded: it would write what its memory held before into the file (data/anew.py has more of it).
os.environ.setdefault("DUCKDB_JE_MALLOC_CONF", "zero:true")
