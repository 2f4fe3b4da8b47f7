# SPDX-License-Identifier: GPL-2.0-or-later
"""Throughput (RFC 2544 26.1): the greatest rate at which nothing is lost, found by halving."""
from ..case import Case, size_words, sizes_of
from ..scene import flows_of, paced
from ..statistics import greatest

RESOLUTION = 0.02
ATTEMPTS = 3  # what else the machine does may lose frames in one trial; a rate holds when one of so many loses none
OFFERED_ENOUGH = 0.99  # of the rate, or it was not tried
BEYOND = 1.5  # of the rate at full load: overload may cost a switch more than it carries
LEAST = 0.02  # of where the search begins; where that is too much, the result is 0


def holds(scene, flows, rate, seconds):
    """True when frames at this rate all arrive."""
    for _ in range(ATTEMPTS):
        trial = scene.frames(paced(flows, rate), seconds)
        if trial.received == trial.sent and not sum(trial.total["refused"]) and trial.offered >= OFFERED_ENOUGH * rate:
            return trial
    return None


def search(scene, flows, seconds):
    """The throughput, the trial that shows it (None where even a little load is lost), and where the search began."""
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
            # What the whole machine spends at a bounded load is mostly the generator's waiting.
            return {"value": rate, "limit": limit, "switch_ns": trial.costs()["switch_ns"] if trial else None}

        yield Case("throughput", f"throughput without loss, {size_words(size)}", "frames/s", sample,
                   parameters={"size": size}, rounds=options.search_rounds)
