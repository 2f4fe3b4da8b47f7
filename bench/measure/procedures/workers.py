# SPDX-License-Identifier: GPL-2.0-or-later
"""The gain of a second worker of ringbridge, with ports in memory. No switch of the run takes part."""
import json

from ..lab import run


def cases(_options):
    """There are none, because a program of its own measures this once."""
    return []


def note(build_dir, rounds):
    """Returns a sentence with the result, or with the reason why there is none."""
    answer = json.loads(run(build_dir / "bench/workers_bench", "--json", "--rounds", rounds))
    if not answer["measured"]:
        return f"the gain of a second worker could not be measured: {answer['why_not']}"
    one, two, ratio = answer["one_worker"] / 1e6, answer["two_workers"] / 1e6, answer["ratio"]
    return (f"with ports in memory, two workers carry {ratio['median']:.2f} [{ratio['low']:.2f} to {ratio['high']:.2f}] times the "
            f"rate of one: {two:.1f} M frames/s against {one:.1f}, {answer['rounds_used']} of {answer['rounds']} rounds")
