"""Numbers as people read them: digits, shares, intervals. The same words in HTML, terminal and tables."""

from __future__ import annotations

import math

MISSING = "–"
SHARE_UNITS = ("fraction", "share")
# Units that count things: of one there is one row.
COUNTED = ("rows", "records", "pairs", "items", "checks", "topics")
# The unit of one share less another: shown in percentage points, because "5 %" of what?
DIFFERENCE = "difference of fractions"


def number(value: float | int | str | None, *, digits: int = 3) -> str:  # noqa: PLR0911 - a table of cases
    """`value` with thousands separators; a float with `digits` significant digits at least.

    12345 -> '12,345'; 0.012345 -> '0.0123'; 1234.5 -> '1,234'; None and NaN -> '–'.
    """
    if value is None:
        return MISSING
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if math.isnan(value):
        return MISSING
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    if value == 0:
        return "0"
    before_point = math.floor(math.log10(abs(value))) + 1
    decimals = min(max(digits - before_point, 0), 8)
    return f"{value:,.{decimals}f}"


def counted(count: int, noun: str, plural: str = "") -> str:
    """A number of things: '1 record', '1,234 records', '0 entries' (`plural` where an s is not enough)."""
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def percent(fraction: float | None, *, digits: int = 3) -> str:
    """A fraction (0 to 1) as a percentage: .0325 -> '3.25 %', 1.0 -> '100 %'."""
    if fraction is None or math.isnan(fraction):
        return MISSING
    if fraction == 0 or math.isclose(fraction, 1.0):  # a bound of an interval may miss 1 by a rounding error
        return f"{fraction * 100:.0f} %"
    if abs(fraction) < 1 and round(abs(fraction) * 100, 2) >= 100:
        return f"{'-' if fraction < 0 else ''}>99.99 %"
    if abs(fraction) * 100 >= 99:
        return f"{fraction * 100:.2f} %"
    return f"{number(fraction * 100, digits=digits)} %"


def quantity(value: float | None, unit: str) -> str:
    """`value` with its unit: a fraction as a percentage, a difference in points, a count as a whole number."""
    if unit in SHARE_UNITS:
        return percent(value)
    if unit == DIFFERENCE:
        return MISSING if value is None else f"{_points(value)} points"
    things, _, of = unit.partition(" ")
    if value == 1 and things in COUNTED:
        return f"1 {things.removesuffix('s')} {of}".rstrip()
    if value is not None and float(value).is_integer() and abs(value) < 1e15:
        return f"{number(int(value))} {unit}".rstrip()
    return f"{number(value)} {unit}".rstrip()


def _points(difference: float) -> str:
    """-.0912 -> '-9.1'; below one point with a second decimal."""
    decimals = 1 if abs(difference) >= 0.01 else 2
    return f"{round(100 * difference, decimals) + 0.0:.{decimals}f}"  # + 0.0 turns -0.0 into 0.0


def p_value(p: float | None) -> str:
    """Three decimals; '< 0.001' below."""
    if p is None:
        return MISSING
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def interval(low: float | None, high: float | None, unit: str = "") -> str:
    """'2.10 % to 4.40 %', or an empty string where there is no interval; an open side reads 'at most'."""
    if low is None and high is None:
        return ""
    if unit == DIFFERENCE and low is not None and high is not None:
        return f"{_points(low)} to {_points(high)} points"
    bare = unit if unit in (*SHARE_UNITS, DIFFERENCE) else ""
    if low is None:
        return f"at most {quantity(high, bare)}"
    if high is None:
        return f"at least {quantity(low, bare)}"
    return f"{quantity(low, bare)} to {quantity(high, bare)}"


def measured(
    value: float | None,
    unit: str,
    *,
    low: float | None = None,
    high: float | None = None,
    n: int | None = None,
) -> str:
    """One line that never leaves a number alone: '3.20 % (2.10 % to 4.40 %, n = 1,200)'."""
    around = ", ".join(filter(None, [interval(low, high, unit), f"n = {n:,}" if n is not None else ""]))
    return quantity(value, unit) + (f" ({around})" if around else "")
