# SPDX-License-Identifier: GPL-2.0-or-later
"""Frame loss rate (RFC 2544 26.3), by the offered load.

A virtual port has no line rate, so the loads are multiples of the *first* switch's rate. In frames a second they are the same
for all switches. Frames that a port did not take count as lost.
"""
from ..case import Case, size_words, sizes_of
from ..scene import flows_of, paced

SHARES = (0.25, 0.5, 0.75, 1, 1.25, 1.5)


def cases(options):
    size = options.sizes[0]
    flows = flows_of("pair", 2, sizes_of(size))
    reference = {}  # the first switch's rate, by kind of port; a run begins every round with it

    for share in SHARES:
        def sample(scene, share=share):
            scene.teach(flows)
            limit = reference.setdefault(scene.polled, scene.rate(flows, options.seconds))
            trial = scene.frames(paced(flows, share * limit), options.seconds)
            tried = max(trial.sent + sum(trial.total["refused"]), 1)
            return {"value": max(0, 1 - trial.received / tried), "offered": share * limit,
                    "not_offered": max(0, 1 - (trial.offered + trial.refused) / (share * limit)), "switch_ns": trial.costs()["switch_ns"]}

        yield Case("loss", f"frame loss, {size_words(size)}, {share:g} of the first switch's rate offered", "share",
                   sample, better="less", parameters={"size": size, "load": share})
