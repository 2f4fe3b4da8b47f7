# SPDX-License-Identifier: GPL-2.0-or-later
"""Address learning rate (RFC 2889 5.8): the greatest rate of new stations at which the switch learns all of them."""
from ..case import Case
from ..load import flow
from ..statistics import greatest
from .address_capacity import LEARNING_PORT, PORTS, TEST_PORT, gentle_rate, is_known

STATIONS = 8000  # less than the capacity of each of the switches
ATTEMPTS = 3
RESOLUTION = 0.05
BEYOND = 1.5  # the search begins at this multiple of the known rate


def cases(options):
    def sample(scene):
        gentle = gentle_rate(scene, options.seconds)
        limit = BEYOND * scene.rate([flow(LEARNING_PORT, TEST_PORT)], options.seconds)

        def holds(rate):
            return any(is_known(scene, STATIONS, rate, gentle) for _ in range(ATTEMPTS))

        return {"value": greatest(holds, limit / 1000, limit, RESOLUTION), "limit": limit}

    yield Case("address_rate", f"address learning rate, {STATIONS} stations", "stations/s", sample, ports=PORTS,
               rounds=options.search_rounds, parameters={"size": 64, "stations": STATIONS})
