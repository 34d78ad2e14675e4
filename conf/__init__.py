"""Hydra composition: from YAML files and `key=value` overrides to one typed dataclass a command."""

import data.interrupted  # noqa: F401 - first: see there
