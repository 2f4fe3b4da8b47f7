# SPDX-License-Identifier: GPL-2.0-or-later
"""Measures the machine's other work between the measurements."""
import pathlib
import statistics
import time

WINDOW_S = 0.08
QUIET = 0.1  # share of all processors


def _ticks():
    ticks = [int(word) for word in pathlib.Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    return sum(ticks), ticks[3] + ticks[4]


class OtherWork:
    def __init__(self, wait_s):
        self.wait_s = wait_s
        self.seen = []

    def look(self):
        """Waits for a quiet moment, but not longer than the limit."""
        deadline = time.monotonic() + self.wait_s
        while True:
            total, idle = _ticks()
            time.sleep(WINDOW_S)
            total_now, idle_now = _ticks()
            share = 1 - (idle_now - idle) / max(1, total_now - total)
            if share <= QUIET or time.monotonic() >= deadline:
                self.seen.append(share)
                return

    def median(self):
        return statistics.median(self.seen) if self.seen else None
