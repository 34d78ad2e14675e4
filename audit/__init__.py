"""Checks of data and answers, each a stored fact, and the report that a reviewer reads."""

import data.interrupted  # noqa: F401 - first: see there
