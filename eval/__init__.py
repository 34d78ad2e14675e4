"""Answers, metrics and the paired comparison of a base model with its tuned successor."""

import data.interrupted  # noqa: F401 - first: see there
