# SPDX-License-Identifier: GPL-2.0-or-later
"""Latency (RFC 2544 26.2, RFC 1242 3.8): the time from when a frame was due at the generator to its arrival.

The time begins when a frame is due, and not when it is sent. Otherwise frames would wait without being counted if the switch
works in the sender's system call, as the kernel's bridge does, or if the sender is held up. On devices the kernel stamps the
arrival, in the context that delivers the frame, so the generator's own wake-up is not included. On polled ports the generator
stamps a frame when it finds the frame. Loads are shares of each switch's own rate at full load, with the generator looking at
frames. RFC 2544 uses the throughput without loss instead, but then a brief stop of the machine would change the load.
"""
from ..case import Case, size_words, sizes_of
from ..scene import flows_of, paced

PERCENTILES = {"p50": "p50_ns", "p90": "p90_ns", "p99": "p99_ns", "p999": "p999_ns", "max": "max_ns", "mean": "mean_ns"}
SAME_RATE = 10_000  # frames a second, the same for all


def figures(trial, rate, copies=1):
    """Returns the latencies of the first flow, of which the 99th percentile is compared, and the share of lost frames."""
    answer = trial.latency[0]
    tried = max(trial.sent + sum(trial.total["refused"]), 1)
    result = {"value": None, "load": rate, "loss": max(0, 1 - trial.received / (copies * tried)),
              "not_offered": max(0, 1 - (trial.offered + trial.refused) / rate)}
    if answer["samples"]:
        result |= {"value": answer["p99_ns"], **{name: answer[key] for name, key in PERCENTILES.items()},
                   "samples": answer["samples"], "reordered": answer["reordered"]}
    return result


def cases(options):
    for size in options.sizes[:options.search_sizes]:
        flows = flows_of("pair", 2, sizes_of(size))
        for load in (SAME_RATE, *options.loads):
            def sample(scene, flows=flows, load=load):
                scene.teach(flows)
                rate = load if load == SAME_RATE else load * scene.rate(flows, options.seconds, latency=True)
                trial = scene.frames(paced(flows, rate), options.seconds, latency=True)
                return figures(trial, rate)

            words = f"{load} frames/s" if load == SAME_RATE else f"{100 * load:.0f} % of each switch's rate"
            yield Case("latency", f"latency, {size_words(size)}, {words}", "ns", sample, better="less",
                       parameters={"size": size, "load": load, "broadcast": False})
