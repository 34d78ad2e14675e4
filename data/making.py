"""How the members and verdicts of a version are written: what differs from another one, if that is the lesser part."""

from __future__ import annotations

import polars as pl

from data.memory import Memory
from data.parts import MOST_GAPS, add_part, begin_like, gaps, leave_out, rows_in, rows_of
from data.reading import StoreRecords
from data.verdicts import Action


class Making(Memory):
    """The part of the store that writes what a version consists of; within a transaction of `Store`."""

    def _change(self, made: str, parent: str, frame: pl.DataFrame) -> None:
        """The members of `made`: those of `parent` as the registered `judged`, which is `frame`, changes them."""
        changing = [Action.drop.value, Action.edit.value, Action.assign.value]
        changed = frame.filter(pl.col("action").is_in(changing))["record_id"].n_unique()
        rows = rows_in(self.connection, "member", parent)
        restored = frame.filter(action=Action.restore.value).height
        if not changed and not restored:
            begin_like(self.connection, "member", made, parent)
            return
        if changed + gaps(self.connection, "member", parent) > MOST_GAPS * rows:
            within = ""
        else:
            self.connection.register("changed_ids", frame.filter(pl.col("action").is_in(changing)))
            begin_like(self.connection, "member", made, parent)
            leave_out(self.connection, "member", made, "changed_ids")
            self.connection.unregister("changed_ids")
            within = f"AND m.record_id IN (SELECT record_id FROM judged WHERE action IN {tuple(changing)})"
        self._add_changed(made, parent, within)

    def _add_changed(self, made: str, parent: str, within: str) -> None:
        """The part of `made`: the members of `parent`, as `judged` changes them."""
        self.connection.execute(
            f"""
            INSERT INTO member_rows
            SELECT $made, m.record_id, coalesce(e.text_hash, m.text_hash), coalesce(a.value, m.split)
            FROM {rows_of(self.connection, "member", parent)} m
            LEFT JOIN judged e ON e.record_id = m.record_id AND e.action = 'edit'
            LEFT JOIN judged a ON a.record_id = m.record_id AND a.action = 'assign'
            WHERE NOT EXISTS (SELECT 1 FROM judged d WHERE d.record_id = m.record_id AND d.action = 'drop') {within}
            UNION ALL SELECT $made, record_id, text_hash, NULL FROM judged WHERE action = 'restore'
            ORDER BY 2
            """,
            {"made": made},
        )
        if self._one("SELECT count(*) FROM (FROM member_rows WHERE part = ? LIMIT 1)", [made]):
            add_part(self.connection, "member", made)

    def _extend(self, made: str, parent: str, earlier: str, again: pl.Series | None) -> dict[Action, int]:
        """Members and verdicts of `made` like those of `earlier`, but for records that are new or judged again.

        Returns how many records the verdicts that hold on are about, by action.
        """
        before = self._versions("WHERE version = ?", [earlier])[0]
        assert before.parent is not None
        ids = pl.DataFrame({"record_id": again if again is not None else []}, schema={"record_id": pl.String})
        self.connection.register("again_ids", ids.unique())
        said = dict(
            self.connection.execute(
                f"""SELECT action, count(DISTINCT record_id) FROM {rows_of(self.connection, "verdict", earlier)}
                WHERE record_id IN (SELECT record_id FROM again_ids) GROUP BY action"""
            ).fetchall()
        )
        for noun in ("member", "verdict"):
            begin_like(self.connection, noun, made, earlier)
        leave_out(self.connection, "verdict", made, "again_ids")
        parts = self._new_parts(parent, before.parent)
        but = before.parent if parts is None else None
        new = StoreRecords(self.connection, parent, but=but, parts=parts)
        self.connection.register("fresh_ids", pl.concat([new.frame("record_id").collect(), ids]).unique())
        outside = self._one(
            "SELECT count(*) FROM judged WHERE record_id NOT IN (SELECT record_id FROM fresh_ids)"
        )
        if outside:
            raise ValueError(
                f"stage '{before.stage}': {outside} verdicts on records that were not judged again"
            )
        self._add_changed(made, parent, "AND m.record_id IN (SELECT record_id FROM fresh_ids)")
        # Records that were judged again, and are what they were: they stay in the part that they are in.
        same = f"""SELECT record_id FROM again_ids
            JOIN {rows_of(self.connection, "member", earlier)} e USING (record_id)
            JOIN member_rows r USING (record_id, text_hash)
            WHERE r.part = ? AND r.split IS NOT DISTINCT FROM e.split"""
        self.connection.execute(f"CREATE OR REPLACE TEMP TABLE unchanged AS {same}", [made])
        self.connection.execute(
            "DELETE FROM member_rows WHERE part = ? AND record_id IN (SELECT record_id FROM unchanged)",
            [made],
        )
        self.connection.execute(
            "CREATE OR REPLACE TEMP TABLE changed AS FROM again_ids ANTI JOIN unchanged USING (record_id)"
        )
        leave_out(self.connection, "member", made, "changed", but=made)
        for name in ("changed", "unchanged"):
            self.connection.execute(f"DROP TABLE {name}")
        self.connection.unregister("fresh_ids")
        self.connection.unregister("again_ids")
        totals = {
            Action.drop: before.dropped,
            Action.edit: before.edited,
            Action.assign: before.assigned,
            Action.tag: before.tagged,
            Action.restore: before.restored,
        }
        return {action: count - said.get(action.value, 0) for action, count in totals.items()}
