"""Working ahead changes when things are made, and nothing else."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from data.ahead import ahead


def test_order_and_end() -> None:
    assert list(ahead(range(100))) == list(range(100))
    assert list(ahead([])) == []


def test_an_error_arrives_after_the_items_before_it() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise ValueError("broken")

    seen = []
    with pytest.raises(ValueError, match="broken"):
        seen.extend(ahead(items()))
    taken = ahead(items())
    assert next(taken) == 1


def test_no_more_than_the_depth_is_made_ahead_and_stopping_ends_the_thread() -> None:
    made = []

    def items() -> Iterator[int]:
        for number in range(1000):
            made.append(number)
            yield number

    taken = ahead(items(), depth=2)
    assert next(taken) == 0
    time.sleep(0.05)
    assert len(made) <= 5
    taken.close()  # type: ignore[attr-defined]
    assert not [thread for thread in threading.enumerate() if thread.name == "ahead"]
