"""Other dates and ages, near the original and in its format."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from curation.pii.instead.drawing import Draw
from curation.pii.instead.names import in_case_of

DAYS_AROUND = 3 * 365  # a date moves by up to three years
_DATES = (
    "%Y-%m-%d", "%Y/%m/%d", "%m/%d/%Y", "%d/%m/%Y", "%m/%d/%y", "%d/%m/%y", "%d.%m.%Y", "%m-%d-%Y", "%d-%m-%Y",
    "%B %d, %Y", "%b %d, %Y", "%B %d %Y", "%d %B %Y", "%d %b %Y", "%B %Y", "%Y-%m-%dT%H:%M:%S", "%Y",
)  # fmt: skip


def when(draw: Draw, value: str) -> str | None:
    """Another date, up to three years away, in the same format; None for what is no date ("Monday")."""
    for form in _DATES:
        try:
            read = datetime.strptime(value.strip(), form)
        except ValueError:
            continue
        drawn = draw("date", read.date().isoformat())
        days = (1 + drawn.below(DAYS_AROUND)) * drawn.choice((-1, 1))
        new = _in_form(read + timedelta(days=days), form, value)
        # Of a mere year the days may change nothing.
        return new if new != value else _in_form(read + timedelta(days=500), form, value)
    return None


def age(draw: Draw, value: str) -> str | None:
    """A number up to five away, of as many digits."""
    found = re.search(r"\d{1,3}", value)
    if not found:
        return None
    old = int(found.group())
    low, high = max(old - 5, 10 if old > 9 else 1), min(old + 5, 99 if old > 9 else 9)
    choices = [n for n in range(low, high + 1) if n != old] or [99]
    return value[: found.start()] + str(draw("age", str(old)).choice(choices)) + value[found.end() :]


def _in_form(moment: datetime, form: str, like: str) -> str:
    """The date in a format of strptime, with leading zeros and capitals as in `like`."""
    text = moment.strftime(form)
    if not re.search(r"\b0\d\b", like):
        text = re.sub(r"\b0(\d)\b", r"\1", text)
    return in_case_of(like.strip(), text)
