# SPDX-License-Identifier: GPL-2.0-or-later
"""What a switch takes of the processors while nobody sends."""
import time

from ..case import Case
from ..lab import processor_time

SETTLE_S = 0.3  # a switch may poll for a moment after the last frame


def cases(options):
    def sample(scene):
        if not scene.switch.pids:
            return {"value": 0.0}  # it has no process: nothing of it runs when nobody sends
        time.sleep(SETTLE_S)
        began, before = time.monotonic(), sum(map(processor_time, scene.switch.pids))
        time.sleep(options.idle_seconds)
        return {"value": (sum(map(processor_time, scene.switch.pids)) - before) / (time.monotonic() - began)}

    yield Case("idle", "idle", "processors", sample, better="less", rounds=1, parameters={"pattern": None})
