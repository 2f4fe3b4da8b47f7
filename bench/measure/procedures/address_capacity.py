# SPDX-License-Identifier: GPL-2.0-or-later
"""Address caching capacity (RFC 2889 5.7): the number of stations that a switch knows at once.

Stations send from port 1. Then port 0 sends a frame to each of them, and port 2 checks if any frame was flooded.
"""
from ..case import Case
from ..load import flow
from ..scene import paced
from ..statistics import greatest_count

FIRST = 1024
RESOLUTION = 0.02
LEARNING_PORT, TEST_PORT, MONITOR_PORT, PORTS = 1, 0, 2, 3
LEARNING_LIMIT_S = 60
GENTLE = 0.5  # share of the switch's own rate, so that no frame is lost on the way
ATTEMPTS = 2


def is_known(scene, count, learning_rate, test_rate):
    """True if the switch sends to each of `count` stations by their own port only, after they came at a rate."""
    scene.forget()
    # One frame teaches the place of the test port's station. Otherwise frames to it would be flooded.
    scene.frames([flow(TEST_PORT, LEARNING_PORT, count=1, retry=True)], LEARNING_LIMIT_S, warm_up=0)
    learning = flow(LEARNING_PORT, TEST_PORT, stations=count, count=count, retry=True)
    scene.frames(paced([learning], learning_rate), LEARNING_LIMIT_S, warm_up=0)
    test = flow(TEST_PORT, LEARNING_PORT, to_stations=count, count=count, retry=True)
    trial = scene.frames(paced([test], test_rate), LEARNING_LIMIT_S, warm_up=0)
    return trial.total["received"][MONITOR_PORT] == 0 and trial.total["received"][LEARNING_PORT] >= trial.sent >= count


def gentle_rate(scene, seconds):
    return GENTLE * scene.rate([flow(LEARNING_PORT, TEST_PORT)], seconds)


def cases(options):
    def sample(scene):
        rate = gentle_rate(scene, options.seconds)

        def holds(count):
            return any(is_known(scene, count, rate, rate) for _ in range(ATTEMPTS))

        return {"value": greatest_count(holds, FIRST, options.most_stations, RESOLUTION), "limit": options.most_stations}

    yield Case("address_capacity", "address caching capacity", "stations", sample, ports=PORTS, rounds=1,
               parameters={"size": 64, "stations": None})
