# SPDX-License-Identifier: GPL-2.0-or-later
"""What a second worker of ringbridge brings, with ports in memory: no switch of the run takes part."""
import json

from ..lab import run


def cases(_options):
    """None: it is measured once, by a program of its own."""
    return []


def note(build_dir, rounds):
    """A sentence with the result, or why there is none."""
    answer = json.loads(run(build_dir / "bench/workers_bench", "--json", "--rounds", rounds))
    if not answer["measured"]:
        return f"what a second worker brings could not be measured: {answer['why_not']}"
    one, two, ratio = answer["one_worker"] / 1e6, answer["two_workers"] / 1e6, answer["ratio"]
    return (f"with ports in memory, two workers carry {ratio['median']:.2f} [{ratio['low']:.2f} to {ratio['high']:.2f}] times what one "
            f"does: {two:.1f} M frames/s against {one:.1f}, {answer['rounds_used']} of {answer['rounds']} rounds")
