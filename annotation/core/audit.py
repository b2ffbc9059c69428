"""Many audits at once: how sure each still is among all the others."""

from collections.abc import Sequence

from scipy import stats


def benjamini_hochberg(p_values: Sequence[float | None]) -> tuple[float | None, ...]:
    """Adjusted p-values in the same order: reject those <= q to keep false discoveries below q.

    None (an audit that could not be made) stays None and does not count as a test.

    Source: Benjamini and Hochberg (1995), Journal of the Royal Statistical Society B 57.
    """
    known = [p for p in p_values if p is not None]
    adjusted = iter(stats.false_discovery_control(known) if known else ())
    return tuple(None if p is None else float(next(adjusted)) for p in p_values)
