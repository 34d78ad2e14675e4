"""A search engine for Argilla's server that keeps no copy of the records: its own database is the index.

Argilla asks an engine for searches, progress and ranges of metadata, and tells it of every change. Elasticsearch keeps
a second copy for that; here all is read from the tables that Argilla has just written, so nothing can drift, and what
it is told of changes needs no answer. Only words have an index beside the tables (`text_index.py`). SQLite only.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

from argilla_server.database import AsyncSessionLocal, async_engine
from argilla_server.enums import MetadataPropertyType, SimilarityOrder
from argilla_server.models import Record, Response
from argilla_server.search_engine.base import (
    FloatMetadataMetrics,
    IntegerMetadataMetrics,
    SearchEngine,
    SearchResponseItem,
    SearchResponses,
    TermsMetrics,
    TextQuery,
)
from sqlalchemy import (
    Column,
    Integer,
    MetaData,
    String,
    Table,
    Uuid,
    and_,
    event,
    func,
    literal_column,
    not_,
    or_,
    select,
    text,
    true,
)

from .filters import METADATA, condition, each, order
from .query import Clause, in_columns, parsed, ranked
from .text_index import COLUMNS
from .vectors import matrix, nearest

NAME = "desk"
_tables = MetaData()
ROWS = Table("desk_rows", _tables, Column("id", Integer), Column("record_id", Uuid))
TEXT = Table("desk_text", _tables, Column("rowid", Integer), *(Column(name, String) for name in COLUMNS))


@event.listens_for(async_engine.sync_engine, "connect")  # type: ignore[untyped-decorator, unused-ignore]
def _add_order(connection: Any, _: Any) -> None:
    """An order of the records for each annotator: stable, and different for each, so that overlap spreads."""
    connection.create_function("desk_order", 2, _place, deterministic=True)


def _place(user: str, record: str) -> int:
    return int.from_bytes(blake2b(f"{user}{record}".encode(), digest_size=7).digest(), "big")


def _holds(clause: Clause, columns: list[str]) -> Any:
    """The records that a clause lets through; ROWS is joined."""
    if clause.literal:
        place = func.coalesce(TEXT.c[columns[0]], "")
        for name in columns[1:]:
            place = place + "\n" + func.coalesce(TEXT.c[name], "")
        found = select(1).where(TEXT.c.rowid == ROWS.c.id, func.instr(place, clause.text) > 0).exists()
    else:
        found = ROWS.c.id.in_(_matching(in_columns(clause.fts, columns)))
    return not_(found) if clause.without else found


def _matching(expression: str) -> Any:
    return select(TEXT.c.rowid).where(literal_column("desk_text").op("MATCH")(expression))


def _columns(dataset: Any, field: str | None) -> list[str]:
    """The columns of the text index for the dataset's field of that name, or for all its fields."""
    made = sorted(
        (one for one in dataset.fields if not one.is_image), key=lambda one: (one.inserted_at, one.id.hex)
    )
    numbers = {one.name: min(len(COLUMNS) - 1, number) for number, one in enumerate(made)}
    if field is not None:
        numbers = {name: number for name, number in numbers.items() if name == field}
    return [COLUMNS[number] for number in sorted(set(numbers.values()))]


@SearchEngine.register(NAME)  # type: ignore[untyped-decorator, unused-ignore]
class DeskEngine(SearchEngine):  # type: ignore[misc, unused-ignore]
    """Answers from Argilla's SQLite file."""

    @classmethod
    async def new_instance(cls) -> DeskEngine:
        """One for a request; it holds nothing."""
        if async_engine.dialect.name != "sqlite":
            raise ValueError(f"the desk's search engine reads SQLite, not {async_engine.dialect.name}")
        return cls()

    async def close(self) -> None:
        """Nothing is held."""

    async def ping(self) -> bool:
        """Whether the database answers and the index of words is there."""
        async with AsyncSessionLocal() as db:
            return (await db.execute(text("SELECT count(*) FROM desk_rows LIMIT 1"))).scalar() is not None

    async def info(self) -> dict[str, Any]:
        """What `GET /api/v1/status` shows."""
        return {"name": NAME, "version": {"distribution": "tuneproof", "number": "sqlite-fts5"}}

    # Told of changes: the tables that they were written to are what is read.
    async def create_index(self, dataset: Any) -> None: ...  # noqa: D102
    async def delete_index(self, dataset: Any) -> None: ...  # noqa: D102
    async def configure_metadata_property(self, dataset: Any, metadata_property: Any) -> None: ...  # noqa: D102
    async def configure_index_vectors(self, vector_settings: Any) -> None: ...  # noqa: D102
    async def index_records(self, dataset: Any, records: Any) -> None: ...  # noqa: D102
    async def partial_record_update(self, record: Any, **update: Any) -> None: ...  # noqa: D102
    async def delete_records(self, dataset: Any, records: Any) -> None: ...  # noqa: D102
    async def update_record_response(self, response: Any) -> None: ...  # noqa: D102
    async def delete_record_response(self, response: Any) -> None: ...  # noqa: D102
    async def update_record_suggestion(self, suggestion: Any) -> None: ...  # noqa: D102
    async def delete_record_suggestion(self, suggestion: Any) -> None: ...  # noqa: D102

    async def get_dataset_progress(self, dataset: Any) -> dict[str, int]:
        """Records by status."""
        counts = select(Record.status, func.count()).where(Record.dataset_id == dataset.id)
        return await _counted(counts.group_by(Record.status))

    async def get_dataset_user_progress(self, dataset: Any, user: Any) -> dict[str, int]:
        """The user's responses by status."""
        counts = select(Response.status, func.count()).join(Record, Record.id == Response.record_id)
        mine = counts.where(Record.dataset_id == dataset.id, Response.user_id == user.id)
        return await _counted(mine.group_by(Response.status))

    async def search(
        self,
        dataset: Any,
        query: Any = None,
        filter: Any = None,
        sort: Any = None,
        offset: int = 0,
        limit: int = 100,
        user_id: Any = None,
    ) -> Any:
        """A page of records: by `sort`, else by how well the words match, else in the user's own order."""
        chosen = select(Record.id).join(ROWS, ROWS.c.record_id == Record.id)
        where, score = _wanted(dataset, query, filter)
        chosen = chosen.where(where)
        orders = [order(one) for one in sort or []]
        value: Any = literal_column("1.0")
        if score is not None:
            chosen = chosen.join(score, score.c.rowid == ROWS.c.id)
            value = score.c.score
            orders = orders or [value.desc()]
        if user_id is not None and not sort:
            orders.append(func.desk_order(user_id.hex, Record.id))
        page = chosen.add_columns(value).order_by(*orders, Record.inserted_at, Record.id)
        async with AsyncSessionLocal() as db:
            total = (await db.execute(chosen.with_only_columns(func.count()))).scalar()
            rows = (await db.execute(page.offset(offset).limit(limit))).all()
        items = [SearchResponseItem(record_id=record, score=points) for record, points in rows]
        return SearchResponses(items=items, total=total)

    async def similarity_search(
        self,
        dataset: Any,
        vector_settings: Any,
        value: Any = None,
        record: Any = None,
        query: Any = None,
        filter: Any = None,
        max_results: int = 100,
        order: Any = SimilarityOrder.most_similar,
        threshold: float | None = None,
    ) -> Any:
        """The records nearest a vector, or nearest a record that is not among them itself."""
        if bool(value) == bool(record):
            raise ValueError("similarity is to a vector or to a record: one of the two")
        target = value or record.vector_value_by_vector_settings(vector_settings)
        where, score = _wanted(dataset, query, filter)
        chosen = select(Record.id).join(ROWS, ROWS.c.record_id == Record.id).where(where)
        if score is not None:
            chosen = chosen.join(score, score.c.rowid == ROWS.c.id)
        if record is not None:
            chosen = chosen.where(Record.id != record.id)
        async with AsyncSessionLocal() as db:
            records = list((await db.execute(chosen.order_by(Record.inserted_at, Record.id))).scalars())
            held = await matrix(db, vector_settings.id)
        found = nearest(held, target, records, least=order == SimilarityOrder.least_similar)
        best = [one for one in found[:max_results] if threshold is None or one[1] >= threshold]
        items = [SearchResponseItem(record_id=one, score=points) for one, points in best]
        return SearchResponses(items=items, total=len(items))

    async def compute_metrics_for(self, metadata_property: Any) -> Any:
        """The values of a metadata property with their counts, or its range."""
        element = each(METADATA, metadata_property.name)
        values = select(element.c.value).select_from(Record).join(element, true())
        values = values.where(Record.dataset_id == metadata_property.dataset_id, element.c.value.is_not(None))
        async with AsyncSessionLocal() as db:
            if metadata_property.type == MetadataPropertyType.terms:
                counts = values.add_columns(func.count()).group_by(element.c.value)
                rows = (await db.execute(counts.order_by(func.count().desc(), element.c.value))).all()
                terms = [TermsMetrics.TermCount(term=str(term), count=count) for term, count in rows]
                return TermsMetrics(total=sum(count for _, count in rows), values=terms)
            ends = values.with_only_columns(func.min(element.c.value), func.max(element.c.value))
            low, high = (await db.execute(ends)).one()
        whole = metadata_property.type == MetadataPropertyType.integer
        return (IntegerMetadataMetrics if whole else FloatMetadataMetrics)(min=low, max=high)


def _wanted(dataset: Any, query: Any, filter: Any) -> tuple[Any, Any]:
    """(condition on records of the dataset, hits with their score or None)."""
    where = and_(Record.dataset_id == dataset.id, condition(filter) if filter else true())
    if query is None:
        return where, None
    asked = TextQuery(q=query) if isinstance(query, str) else query
    columns = _columns(dataset, asked.field)
    alternatives = parsed(asked.q)
    if not alternatives or not columns:
        return where, None
    expression = ranked(alternatives, columns)
    if expression is None:
        said = (and_(*(_holds(clause, columns) for clause in clauses)) for clauses in alternatives)
        return and_(where, or_(*said)), None
    # FTS5's bm25 is better the smaller it is.
    score = _matching(expression).add_columns((-func.bm25(literal_column("desk_text"))).label("score"))
    # With a limit SQLite makes the hits once; else it may ask FTS5 anew for each record.
    return where, score.limit(-1).subquery("hits")


async def _counted(counts: Any) -> dict[str, int]:
    async with AsyncSessionLocal() as db:
        rows = (await db.execute(counts)).all()
    return {"total": sum(count for _, count in rows), **{status.value: count for status, count in rows}}
