"""From a version to a tuned model and the Run that says what it was made of."""

import data.interrupted  # noqa: F401 - first: see there
