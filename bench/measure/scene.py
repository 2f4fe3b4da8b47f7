# SPDX-License-Identifier: GPL-2.0-or-later
"""A switch that is ready, with the load generator on its ports, and the operations that every measurement needs."""
import contextlib
import typing

from .load import BROADCAST, Load, flow

WARM_UP_S = 0.1
DRAIN_S = 0.05
TEACH_LIMIT_S = 30  # limit for all stations of a measurement; a switch that learns slower knows fewer stations
# Frames under way on a port that the generator polls: enough to keep rings busy, and few enough that none need be lost.
WINDOW = 512
# A first frame may be lost while a switch sets up the flow.
PASSES, MINIMUM_TEACHING = 2, 3


class Scene:
    """One switch of a run, with a number of ports. `flows` come from load.flow()."""

    def __init__(self, lab, switch, load_cpus):
        self.switch, self.load_cpus = switch, load_cpus
        self.name, self.title = switch.name, switch.title
        self.polled = switch.kind == "vhost"
        self.load = Load(lab, self.name, switch.load_ports, switch.pids)
        self.port_count = len(switch.load_ports)
        self.untaught = 0  # stations for which teaching took too long
        self._taught = None
        self._rates = {}

    @contextlib.contextmanager
    def turn(self):
        """Runs the switch during its turn. A switch that polls is paused at other times."""
        self.switch.resume()
        try:
            yield
        finally:
            self.switch.pause()

    def frames(self, flows, seconds, **more):
        return self.load.frames(flows, seconds, **{"warm_up": WARM_UP_S, "drain": DRAIN_S, "cpus": self.load_cpus, **more})

    def teach(self, flows):
        """Teaches the switch the stations of flows: each station sends to a station that the switch knows, or will soon know."""
        wanted = sorted(set(_stations(flows)), key=repr)
        if self._taught == wanted:
            return
        self._taught = wanted
        for ends in wanted:
            home = next((other for other in wanted if other.port != ends.port), ends)
            frames = max(PASSES * ends.count, MINIMUM_TEACHING)
            trial = self.frames([flow(ends.port, home.port, to_first_station=home.first, vlan=ends.vlan, stations=ends.count,
                                      first_station=ends.first, count=frames, retry=True)],
                                TEACH_LIMIT_S / len(wanted), warm_up=0)
            if trial.sent < ends.count:
                self.untaught += ends.count - trial.sent

    def forget(self):
        """Makes the switch forget all stations."""
        self._taught, self.untaught = None, 0
        self.switch.flush()

    def at_full_load(self, flows, seconds, **more):
        """Returns the flows at full load. On polled ports a fixed number of frames is under way, so that none need be lost."""
        if self.polled:
            flows = [{**one, "window": WINDOW} for one in flows]
        return self.frames(flows, seconds, **more)

    def rate(self, flows, seconds, **more):
        """Returns the frames a second that come out at full load with known stations. It measures each shape of load once."""
        shape = repr((flows, more))
        if shape not in self._rates:
            self.teach(flows)
            self._rates[shape] = self.at_full_load(flows, seconds, **more).rate
        return self._rates[shape]


def paced(flows, rate):
    """Returns the same flows with `rate` frames a second in total."""
    return [{**one, "rate": rate / len(flows)} for one in flows]


class Stations(typing.NamedTuple):
    """The stations behind one port, and their VLAN."""

    port: int
    first: int
    count: int
    vlan: int | None


def _stations(flows):
    """Returns the stations on both ends of flows."""
    for one in flows:
        vlan = one.get("vlan")
        if not one.get("source"):
            yield Stations(one["from"], one.get("first_station", 0), one.get("stations", 1), vlan)
        to = one["to"] if isinstance(one["to"], list) else [one["to"]]
        for port in to:
            if isinstance(port, int):
                yield Stations(port, one.get("to_first_station", 0), one.get("to_stations", 1), vlan)


def flows_of(pattern, port_count, sizes, stations=2, vlan=None):
    """Returns the flows of a pattern over all ports. `stations` is their total number, with at least one for each port in use."""
    ports = range(port_count)
    directions = {
        "pair": lambda: [(port, port + 1) for port in ports[::2]],
        "both": lambda: [(port, port ^ 1) for port in ports],
        "one_to_many": lambda: [(0, list(ports[1:]))],
        "many_to_one": lambda: [(port, 0) for port in ports[1:]],
        "mesh": lambda: [(port, [other for other in ports if other != port]) for port in ports],
        BROADCAST: lambda: [(0, BROADCAST)],
    }[pattern]()
    each = max(1, stations // port_count)
    return [flow(from_, to, sizes, stations=each, to_stations=each, vlan=vlan) for from_, to in directions]
