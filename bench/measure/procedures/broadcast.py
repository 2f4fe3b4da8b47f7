# SPDX-License-Identifier: GPL-2.0-or-later
"""Broadcast forwarding rate and latency (RFC 2889 5.10): copies that come out of all other ports together."""
from ..case import Case, size_words, sizes_of
from ..load import BROADCAST
from ..scene import flows_of, paced
from .latency import SAME_RATE, figures

LATENCY_RATE = SAME_RATE // 10  # each frame becomes a copy for every other port


def cases(options):
    size = options.sizes[0]
    for ports in sorted({*options.port_counts, options.pattern_ports}):
        flows = flows_of(BROADCAST, ports, sizes_of(size))

        def rate(scene, flows=flows):
            trial = scene.frames(flows, options.seconds)
            return {"value": trial.copies, "offered": trial.offered, "refused": trial.refused, **trial.costs()}

        def latency(scene, flows=flows):
            trial = scene.frames(paced(flows, LATENCY_RATE), options.seconds, latency=True)
            return figures(trial, LATENCY_RATE, copies=scene.port_count - 1)

        parameters = {"size": size, "pattern": BROADCAST}
        yield Case("broadcast", f"broadcast, {size_words(size)}, {ports} ports", "copies/s", rate, ports=ports,
                   parameters=parameters)
        if ports == options.pattern_ports:
            yield Case("latency", f"latency of broadcasts, {size_words(size)}, {ports} ports, {LATENCY_RATE} frames/s", "ns",
                       latency, ports=ports, better="less",
                       parameters={**parameters, "load": LATENCY_RATE, "broadcast": True})
