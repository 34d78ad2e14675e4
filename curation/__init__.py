"""From raw rows to versions that can be trained on: stages judge, the store acts."""

import data.interrupted  # noqa: F401 - first: see there
