"""Checks of data and answers, each a stored fact, and the report that a reviewer reads."""
