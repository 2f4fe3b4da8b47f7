# SPDX-License-Identifier: GPL-2.0-or-later
"""Forwarding rate at the maximum offered load (RFC 2889 5.1 to 5.4), by frame size, stations, ports, pattern and VLAN.

One parameter is varied at a time. The others have the first values of their lists, so that the lines of a plot share a point.
"""
from ..case import PATTERN_WORDS, Case, size_words, sizes_of
from ..scene import flows_of


def cases(options):
    base = {"size": options.sizes[0], "stations": options.stations[0], "ports": options.port_counts[0],
            "pattern": options.patterns[0], "vlan": options.vlans[0]}
    variations = {"size": options.sizes, "stations": options.stations, "ports": options.port_counts,
                  "pattern": options.patterns, "vlan": options.vlans}
    seen = []
    for name, values in variations.items():
        for value in values:
            parameters = {**base, name: value}
            if name == "pattern" and value in ("one_to_many", "many_to_one", "mesh"):
                parameters["ports"] = max(parameters["ports"], options.pattern_ports)
            if parameters not in seen:
                seen.append(parameters)
                yield case(parameters, options.seconds)
    most = {**base, "ports": options.port_counts[-1], "stations": options.stations[-1]}
    if most not in seen:  # both at once
        yield case(most, options.seconds)


def case(parameters, seconds):
    flows = flows_of(parameters["pattern"], parameters["ports"], sizes_of(parameters["size"]), parameters["stations"],
                     parameters["vlan"])

    def sample(scene):
        scene.teach(flows)
        trial = scene.at_full_load(flows, seconds)
        return {"value": trial.rate, "offered": trial.offered, "refused": trial.refused, "flooded": trial.flooded,
                "untaught": scene.untaught, **trial.costs()}

    words = [size_words(parameters["size"]), PATTERN_WORDS[parameters["pattern"]]]
    if parameters["ports"] > 2:
        words.append(f"{parameters['ports']} ports")
    if parameters["stations"] > 2:
        words.append(f"{parameters['stations']} stations")
    if parameters["vlan"] is not None:
        words.append(f"tagged with VLAN {parameters['vlan']}")
    return Case("rate", "forwarding rate, " + ", ".join(words), "frames/s", sample, ports=parameters["ports"],
                vlan=parameters["vlan"], parameters=parameters)
