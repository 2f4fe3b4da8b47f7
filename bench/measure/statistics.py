# SPDX-License-Identifier: GPL-2.0-or-later
"""Statistics of samples: medians with their spread, ratios within rounds, and searches for the greatest valid value."""
import statistics


def spread(values):
    """Returns the median and the quartiles around it."""
    values = list(values)
    if len(values) == 1:
        return values[0], values[0], values[0]
    low, median, high = statistics.quantiles(values, n=4, method="inclusive")
    return median, low, high


def ratios(samples):
    """Returns {name: spread} of the ratios of the first switch to each other. Ratios are taken within a round, because the
    machine's other work affects both switches alike."""
    (_, ours), *others = samples.items()
    result = {}
    for name, theirs in others:
        pairs = [(a["value"], b["value"]) for a, b in zip(ours, theirs) if a["value"] is not None and b["value"]]
        if pairs:
            median, low, high = spread(a / b for a, b in pairs)
            result[name] = {"median": median, "low": low, "high": high}
    return result


def greatest(holds, low, high, resolution):
    """Returns the greatest number up to `high` for which holds(number) is true, with a relative error of `resolution`; 0 if
    there is none from `low` on.

    The function assumes that a condition that holds for a number holds for any smaller one. It tries `high` first.
    """
    if holds(high):
        return high
    if not holds(low):
        return 0
    while high - low > resolution * high:
        middle = (low + high) / 2
        if holds(middle):
            low = middle
        else:
            high = middle
    return low


def greatest_count(holds, first, limit, resolution):
    """Like greatest(), for whole numbers without a known limit: the number is doubled from `first` until one fails."""
    good, bad, count = 0, None, first
    while bad is None:
        if not holds(count):
            bad = count
        elif count >= limit:
            return count
        else:
            good, count = count, min(count * 2, limit)
    while bad - good > max(1, resolution * good):
        middle = (good + bad) // 2
        if holds(middle):
            good = middle
        else:
            bad = middle
    return good
