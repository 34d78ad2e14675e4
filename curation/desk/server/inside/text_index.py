"""The words of all records, in SQLite's FTS5, beside Argilla's own tables and kept in step by triggers.

`desk_rows` numbers the records: SQLite's own row numbers may change. `desk_text` holds the texts of a record, one
column a field in the order in which the fields were made, the last column for all further ones. Pictures and the
roles of a chat are no text. The triggers use SQLite's own functions only, so whoever writes to the database keeps the
index right.
"""

from __future__ import annotations

import sqlite3

FORMAT = 2  # kept in `PRAGMA user_version`, which Argilla leaves alone; another value: made anew
FIELDS = 12
COLUMNS = [f"f{number}" for number in range(FIELDS)]

_TABLES = f"""
CREATE TABLE desk_rows (id INTEGER PRIMARY KEY, record_id CHAR(32) NOT NULL UNIQUE);
CREATE VIRTUAL TABLE desk_text USING fts5({", ".join(COLUMNS)}, tokenize = 'unicode61 remove_diacritics 2');
"""


def _texts_of(record: str) -> str:
    """SQL that makes the row of `record` (NEW of a trigger, or an alias of `records`) in desk_text."""
    columns = ", ".join(
        f"group_concat(CASE WHEN field.number = {number} THEN leaf.atom END, char(10))"
        for number in range(FIELDS)
    )
    return f"""
        SELECT desk_rows.id, {columns}
        FROM desk_rows
        JOIN (SELECT name, dataset_id, json_extract(settings, '$.type') AS kind,
                     min({FIELDS - 1}, row_number() OVER (PARTITION BY dataset_id ORDER BY inserted_at, id) - 1)
                     AS number
              FROM fields WHERE json_extract(settings, '$.type') <> 'image') AS field
          ON field.dataset_id = {record}.dataset_id
        JOIN json_tree(iif(json_valid({record}.fields), {record}.fields, '{{}}'), '$."' || field.name || '"') AS leaf
        WHERE desk_rows.record_id = {record}.id
          AND leaf.type IN ('text', 'integer', 'real') AND (leaf.key IS NOT 'role' OR field.kind <> 'chat')
        GROUP BY desk_rows.id
    """


_TRIGGERS = f"""
CREATE TRIGGER desk_record_made AFTER INSERT ON records BEGIN
    INSERT INTO desk_rows (record_id) VALUES (NEW.id);
    INSERT INTO desk_text (rowid, {", ".join(COLUMNS)}) {_texts_of("NEW")};
END;
CREATE TRIGGER desk_record_changed AFTER UPDATE OF fields ON records WHEN NEW.fields IS NOT OLD.fields BEGIN
    DELETE FROM desk_text WHERE rowid = (SELECT id FROM desk_rows WHERE record_id = NEW.id);
    INSERT INTO desk_text (rowid, {", ".join(COLUMNS)}) {_texts_of("NEW")};
END;
CREATE TRIGGER desk_record_gone AFTER DELETE ON records BEGIN
    DELETE FROM desk_text WHERE rowid = (SELECT id FROM desk_rows WHERE record_id = OLD.id);
    DELETE FROM desk_rows WHERE record_id = OLD.id;
END;
"""

_GONE = """
DROP TRIGGER IF EXISTS desk_record_made;
DROP TRIGGER IF EXISTS desk_record_changed;
DROP TRIGGER IF EXISTS desk_record_gone;
DROP TABLE IF EXISTS desk_text;
DROP TABLE IF EXISTS desk_rows;
"""

_FILL = f"""
INSERT INTO desk_rows (record_id) SELECT id FROM records ORDER BY inserted_at, id;
INSERT INTO desk_text (rowid, {", ".join(COLUMNS)})
{_texts_of("records").replace("FROM desk_rows", "FROM records CROSS JOIN desk_rows")};
"""


def ensure(database: str) -> None:
    """Make the index where it is absent, of another format, or holds other records than Argilla's table.

    Also sets the journal to WAL, where readers and the writer do not wait for one another.
    """
    connection = sqlite3.connect(database, timeout=60, isolation_level=None)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        if not _is_right(connection):
            connection.executescript(f"BEGIN IMMEDIATE; {_GONE} {_TABLES} {_FILL} {_TRIGGERS} COMMIT;")
            connection.execute(f"PRAGMA user_version = {FORMAT}")
    finally:
        connection.close()


def _is_right(connection: sqlite3.Connection) -> bool:
    if connection.execute("PRAGMA user_version").fetchone()[0] != FORMAT:
        return False
    triggers = connection.execute(
        "SELECT count(*) FROM sqlite_master WHERE name LIKE 'desk_record_%'"
    ).fetchone()[0]
    if triggers != _TRIGGERS.count("CREATE TRIGGER"):
        return False  # a migration of Argilla has made the table anew
    differing = connection.execute(
        "SELECT (SELECT count(*) FROM records WHERE id NOT IN (SELECT record_id FROM desk_rows))"
        " + (SELECT count(*) FROM desk_rows WHERE record_id NOT IN (SELECT id FROM records))"
    ).fetchone()[0]
    return bool(differing == 0)
