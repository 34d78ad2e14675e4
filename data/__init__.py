"""Records, versions, verdicts, facts and runs; loading, the store, and the rendering of reports.

The lowest layer: imports no other package of the project, and is the only one that opens DuckDB.
"""
