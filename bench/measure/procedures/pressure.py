# SPDX-License-Identifier: GPL-2.0-or-later
"""Forward pressure (RFC 2889 5.6): the result of an offered load that is greater than the switch can carry.

All ports but the last send to the last port. Together they send 1.5 times the switch's rate at full load. The rest of the load
is either refused at the ports, which the senders notice (back pressure), or lost inside the switch.
"""
from ..case import Case, size_words, sizes_of
from ..load import flow
from ..scene import paced

PORTS = 4
OVERLOAD = 1.5


def cases(options):
    size = options.sizes[0]
    flows = [flow(port, PORTS - 1, sizes_of(size)) for port in range(PORTS - 1)]

    def sample(scene):
        load = OVERLOAD * scene.rate(flows, options.seconds)
        trial = scene.frames(paced(flows, load), options.seconds)
        tried = max(trial.sent + sum(trial.total["refused"]), 1)
        return {"value": trial.rate, "offered": trial.offered, "refused_share": sum(trial.total["refused"]) / tried,
                "loss": max(0, trial.sent - trial.received) / tried,
                "not_offered": max(0, 1 - (trial.offered + trial.refused) / load), **trial.costs()}

    yield Case("pressure", f"forwarding rate under pressure of {PORTS - 1} senders, {size_words(size)}", "frames/s", sample,
               ports=PORTS, parameters={"size": size, "pattern": "many_to_one"})
