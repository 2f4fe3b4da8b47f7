# SPDX-License-Identifier: GPL-2.0-or-later
"""Congestion control (RFC 2889 5.5): does an overloaded port slow another port (head-of-line blocking)?

Port 0 sends half of its frames to port 2 and half to port 3. Port 1 sends to port 3 only. Port 3 is overloaded: it is a guest
that takes nothing out of its ring. All frames to port 2 should arrive. A device of the kernel takes all frames, so there the
switch itself is overloaded, and the result is the share of its load that the flow to port 2 keeps.
"""
from ..case import Case, size_words, sizes_of
from ..load import flow

FROM_BOTH, FROM_OTHER, FREE, OVERLOADED, PORTS = 0, 1, 2, 3, 4
LOAD_OF_POLLED = 0.25  # share of the rate of a pair, well within the switch's limits, so that any loss comes from blocking


def cases(options):
    size = options.sizes[0]

    def sample(scene):
        sizes = sizes_of(size)
        rate = scene.rate([flow(FROM_BOTH, FREE, sizes)], options.seconds)
        flows = [flow(FROM_BOTH, FREE, sizes), flow(FROM_BOTH, OVERLOADED, sizes), flow(FROM_OTHER, OVERLOADED, sizes)]
        scene.teach(flows)
        load = (LOAD_OF_POLLED if scene.polled else 1) * rate
        offered = [{**one, "rate": share * load} for one, share in zip(flows, (0.5, 0.5, 1))]
        more = {"idle_ports": [OVERLOADED]} if scene.polled else {}
        trial = scene.frames(offered, options.seconds, **more)
        due = trial.total["sent"][0] + trial.total["refused"][0]
        return {"value": trial.total["received"][FREE] / max(1, due),
                "overloaded": trial.total["received"][OVERLOADED] / max(1, sum(trial.total["sent"][1:]))}

    yield Case("congestion", f"frames to a free port beside an overloaded one, {size_words(size)}", "share", sample,
               ports=PORTS, parameters={"size": size, "pattern": None})
