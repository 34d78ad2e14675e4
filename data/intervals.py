"""The interval of a share, used wherever a share is stored as a fact."""

from __future__ import annotations


def wilson(successes: int, n: int, z: float = 1.959964) -> tuple[float, float]:
    """The Wilson score interval (Wilson 1927) of `successes` / `n`, as fractions; z = 1.96 is 95 %.

    Centre (p + z²/2n) / (1 + z²/n), half width z √(p(1-p)/n + z²/4n²) / (1 + z²/n). (0, 1) where n is 0.
    """
    if n == 0:
        return 0.0, 1.0
    share, spread = successes / n, z * z / n
    centre = (share + spread / 2) / (1 + spread)
    half = z * ((share * (1 - share) + spread / 4) / n) ** 0.5 / (1 + spread)
    return max(0.0, centre - half), min(1.0, centre + half)
