"""Argilla's filters and orders as SQL over its own tables.

What Elasticsearch would answer from its copy is answered from the rows themselves: a value stands in `metadata`,
`suggestions.value` or `responses.values`, as JSON; a list counts as each of its elements.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from argilla_server.enums import ResponseStatusFilter, SortOrder
from argilla_server.models import Question, Record, Response, Suggestion
from argilla_server.search_engine.base import (
    AndFilter,
    MetadataFilterScope,
    RangeFilter,
    RecordFilterScope,
    ResponseFilterScope,
    SuggestionFilterScope,
    TermsFilter,
)
from sqlalchemy import DateTime, String, and_, cast, column, exists, false, func, literal, or_, select, true

# Python writes NaN and Infinity, which are no JSON: such metadata counts as none, instead of ending every search.
METADATA = func.iif(func.json_valid(Record.metadata_), Record.metadata_, literal("{}"))


def condition(wanted: Any) -> Any:
    """The records that `wanted`, a filter of Argilla's, lets through. Raises ValueError for one that is not known."""
    if isinstance(wanted, AndFilter):
        return and_(true(), *(condition(one) for one in wanted.filters))
    scope = wanted.scope
    if isinstance(scope, RecordFilterScope):
        return _in_column(getattr(Record, str(scope.property)), wanted)
    if isinstance(scope, MetadataFilterScope):
        return _in_json(METADATA, [scope.metadata_property], wanted)
    if isinstance(scope, SuggestionFilterScope):
        suggestion = _suggestion_of(scope.question)
        place = getattr(Suggestion, str(scope.property))
        as_json = str(scope.property) in ("value", "score")
        return exists(suggestion.where(_in_json(place, [], wanted) if as_json else _in_column(place, wanted)))
    if isinstance(scope, ResponseFilterScope):
        response = select(1).select_from(Response).where(Response.record_id == Record.id)
        if scope.user:
            response = response.where(Response.user_id == scope.user.id)
        if scope.question:
            return exists(response.where(_in_json(Response.values, [scope.question, "value"], wanted)))
        return _of_status(response, {str(value) for value in wanted.values})
    raise ValueError(f"the desk knows no filter {wanted}")


def order(wanted: Any) -> Any:
    """The SQL order for `wanted`, an order of Argilla's; records without a value come last. Raises ValueError."""
    scope = wanted.scope
    if isinstance(scope, RecordFilterScope):
        value = getattr(Record, str(scope.property))
    elif isinstance(scope, MetadataFilterScope):
        value = func.json_extract(METADATA, path(scope.metadata_property))
    elif isinstance(scope, SuggestionFilterScope):
        place = getattr(Suggestion, str(scope.property))
        as_json = str(scope.property) in ("value", "score")
        value = _suggestion_of(scope.question, func.json_extract(place, "$") if as_json else place)
        value = value.limit(1).scalar_subquery()
    elif isinstance(scope, ResponseFilterScope):
        answer = func.json_extract(Response.values, path(scope.question, "value")) if scope.question else None
        several = (
            func.min(Response.status) if answer is None else func.coalesce(func.avg(answer), func.min(answer))
        )
        of_record = select(several).where(Response.record_id == Record.id)
        if scope.user:
            of_record = of_record.where(Response.user_id == scope.user.id)
        value = of_record.scalar_subquery()
    else:
        raise ValueError(f"the desk knows no order {wanted}")
    return (value.desc() if wanted.order == SortOrder.desc else value.asc()).nulls_last()


def path(*keys: str) -> str:
    """SQLite's JSON path of nested keys; names of Argilla's hold no quotes."""
    return "$" + "".join(f'."{key}"' for key in keys)


def each(place: Any, *keys: str) -> Any:
    """The scalars at a path in a JSON column: a row for a scalar, one for each element of a list, else none."""
    return func.json_each(place, path(*keys)).table_valued(
        column("value"), column("type"), joins_implicitly=True
    )


def _suggestion_of(question: str, value: Any = 1) -> Any:
    return (
        select(value)
        .select_from(Suggestion)
        .join(Question, Question.id == Suggestion.question_id)
        .where(Suggestion.record_id == Record.id, Question.name == question)
    )


def _in_json(place: Any, keys: list[str], wanted: Any) -> Any:
    element = each(place, *keys)
    if isinstance(wanted, TermsFilter):
        found = cast(element.c.value, String).in_([str(value) for value in wanted.values])
    elif isinstance(wanted, RangeFilter):
        found = and_(element.c.type.in_(["integer", "real"]), _between(element.c.value, wanted, float))
    else:
        raise ValueError(f"the desk knows no filter {wanted}")
    return exists(select(1).select_from(element).where(found))


def _in_column(place: Any, wanted: Any) -> Any:
    if isinstance(wanted, RangeFilter):
        return _between(place, wanted, _moment if isinstance(place.type, DateTime) else str)
    if place is Record.id:
        return place.in_([UUID(value) for value in wanted.values])
    return cast(place, String).in_([str(value) for value in wanted.values])


def _between(value: Any, wanted: Any, read: Any) -> Any:
    bounds = [value >= read(wanted.ge)] if wanted.ge is not None else []
    return and_(*bounds, value <= read(wanted.le)) if wanted.le is not None else and_(*bounds)


def _moment(said: str) -> datetime:
    """A time as Argilla stores it: in UTC, without a zone."""
    moment = datetime.fromisoformat(str(said))
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment


def _of_status(response: Any, statuses: set[str]) -> Any:
    """Records with a response of one of `statuses`; `pending` are those without any response."""
    pending = ResponseStatusFilter.pending.value
    found = [~exists(response)] if pending in statuses else []
    others = sorted(statuses - {pending})
    if others:
        found.append(exists(response.where(Response.status.in_(others))))
    return or_(false(), *found)
