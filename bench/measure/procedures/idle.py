# SPDX-License-Identifier: GPL-2.0-or-later
"""The processor time that a switch takes while nobody sends."""
import time

from ..case import Case
from ..lab import processor_time

SETTLE_S = 0.3  # a switch may poll for a moment after the last frame


def cases(options):
    def sample(scene):
        if not scene.switch.pids:
            return {"value": 0.0}  # a switch without a process does not run when nobody sends
        time.sleep(SETTLE_S)
        began, before = time.monotonic(), sum(map(processor_time, scene.switch.pids))
        time.sleep(options.idle_seconds)
        return {"value": (sum(map(processor_time, scene.switch.pids)) - before) / (time.monotonic() - began)}

    yield Case("idle", "idle", "processors", sample, better="less", rounds=1, parameters={"pattern": None})
