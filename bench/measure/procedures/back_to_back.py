# SPDX-License-Identifier: GPL-2.0-or-later
"""Back-to-back frames (RFC 2544 26.4): the longest burst, as fast as the generator can send, without loss."""
from ..case import Case, size_words, sizes_of
from ..scene import flows_of
from ..statistics import greatest_count

FIRST = 64
LONGEST_S = 2  # RFC 2544 26.4: a burst of two seconds ends the search
RESOLUTION = 0.05
ATTEMPTS = 2


def cases(options):
    for size in options.sizes[:options.search_sizes]:
        flows = flows_of("pair", 2, sizes_of(size))

        def sample(scene, flows=flows):
            scene.teach(flows)

            def holds(count):
                for _ in range(ATTEMPTS):
                    trial = scene.frames([{**one, "count": count} for one in flows], LONGEST_S, warm_up=0)
                    if trial.received == trial.sent >= count and not sum(trial.total["refused"]):
                        return True
                return False

            limit = int(LONGEST_S * scene.rate(flows, options.seconds))
            return {"value": greatest_count(holds, FIRST, limit, RESOLUTION), "limit": limit}

        yield Case("back_to_back", f"longest burst without loss, {size_words(size)}", "frames", sample,
                   parameters={"size": size}, rounds=options.search_rounds)
