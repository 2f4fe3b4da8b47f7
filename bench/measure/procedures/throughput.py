# SPDX-License-Identifier: GPL-2.0-or-later
"""Throughput (RFC 2544 26.1): the greatest rate without loss, found by halving."""
from ..case import Case, size_words, sizes_of
from ..scene import flows_of, paced
from ..statistics import greatest

RESOLUTION = 0.02
ATTEMPTS = 3  # the machine's other work may cause loss in one trial; a rate holds if one of so many trials has no loss
OFFERED_ENOUGH = 0.99  # minimum share of the rate for a valid trial
BEYOND = 1.5  # multiple of the rate at full load: overload may reduce a switch's rate
LEAST = 0.02  # share of the beginning of the search; if this is too much, the result is 0


def holds(scene, flows, rate, seconds):
    """True if all frames at this rate arrive."""
    for _ in range(ATTEMPTS):
        trial = scene.frames(paced(flows, rate), seconds)
        if trial.received == trial.sent and not sum(trial.total["refused"]) and trial.offered >= OFFERED_ENOUGH * rate:
            return trial
    return None


def search(scene, flows, seconds):
    """Returns the throughput, its trial (None if the switch loses frames even at a small load), and the beginning of the search."""
    limit = BEYOND * scene.rate(flows, seconds)
    found = {}

    def attempt(rate):
        found[rate] = holds(scene, flows, rate, seconds)
        return found[rate] is not None

    rate = greatest(attempt, LEAST * limit, limit, RESOLUTION)
    return rate, found.get(rate), limit


def cases(options):
    for size in options.sizes[:options.search_sizes]:
        flows = flows_of("pair", 2, sizes_of(size))

        def sample(scene, flows=flows):
            scene.teach(flows)
            rate, trial, limit = search(scene, flows, options.seconds)
            # At a bounded load the processor time of the whole machine is mostly the generator's waiting.
            return {"value": rate, "limit": limit, "switch_ns": trial.costs()["switch_ns"] if trial else None}

        yield Case("throughput", f"throughput without loss, {size_words(size)}", "frames/s", sample,
                   parameters={"size": size}, rounds=options.search_rounds)
