# SPDX-License-Identifier: GPL-2.0-or-later
"""TCP between two hosts, with the offloads of their devices. The result is the data that the receivers have taken in."""
from ..case import Case


def cases(options):
    for streams in options.streams:
        def sample(scene, streams=streams):
            trial = scene.load.tcp(scene.switch.hosts, streams, options.seconds)
            octets, seconds = trial.window["octets"], trial.window["seconds"]
            return {"value": octets / seconds, **trial.costs(octets)}

        yield Case("tcp", f"TCP, {streams} stream{'s' if streams > 1 else ''}", "octets/s", sample, kinds=("device",),
                   parameters={"streams": streams})
