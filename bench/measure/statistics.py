# SPDX-License-Identifier: GPL-2.0-or-later
"""What is made of samples: medians with their spread, ratios within rounds, and searches for the greatest that holds."""
import statistics


def spread(values):
    """Median and the quartiles around it."""
    values = list(values)
    if len(values) == 1:
        return values[0], values[0], values[0]
    low, median, high = statistics.quantiles(values, n=4, method="inclusive")
    return median, low, high


def ratios(samples):
    """The first switch over each other, taken within a round, as what else the machine does falls on both: {name: spread}."""
    (_, ours), *others = samples.items()
    result = {}
    for name, theirs in others:
        pairs = [(a["value"], b["value"]) for a, b in zip(ours, theirs) if a["value"] is not None and b["value"]]
        if pairs:
            median, low, high = spread(a / b for a, b in pairs)
            result[name] = {"median": median, "low": low, "high": high}
    return result


def greatest(holds, low, high, resolution):
    """The greatest number up to `high` for which holds(number) is true, to within `resolution` of itself; 0 if none from `low` is.

    It is assumed that what holds for a number holds for any smaller one. `high` is tried first.
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
    """As greatest(), of whole numbers, where it is not known how large they get: doubled from `first` until one fails."""
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
