# SPDX-License-Identifier: GPL-2.0-or-later
"""A switch that stands ready, with the load generator on its ports, and what every measurement does with the two."""
import contextlib
import typing

from .load import BROADCAST, Load, flow

WARM_UP_S = 0.1
DRAIN_S = 0.05
TEACH_LIMIT_S = 30  # for all stations of a measurement; a switch that learns slower than that knows fewer
# Frames under way on a port that the generator polls: enough to keep rings busy, so few that nothing need be lost.
WINDOW = 512
# A first frame may be lost while a switch makes up its mind.
PASSES, MINIMUM_TEACHING = 2, 3


class Scene:
    """One switch of a run with so many ports. `flows` are what load.flow() makes."""

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
        """Only the switch whose turn it is runs, where it would take a processor otherwise."""
        self.switch.resume()
        try:
            yield
        finally:
            self.switch.pause()

    def frames(self, flows, seconds, **more):
        return self.load.frames(flows, seconds, **{"warm_up": WARM_UP_S, "drain": DRAIN_S, "cpus": self.load_cpus, **more})

    def teach(self, flows):
        """Makes the stations of flows known to the switch: each sends to a station that is known already, or soon is."""
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
        """The switch knows no station any more."""
        self._taught, self.untaught = None, 0
        self.switch.flush()

    def at_full_load(self, flows, seconds, **more):
        """As many frames as the switch takes; on polled ports a fixed number under way, so that none need be lost."""
        if self.polled:
            flows = [{**one, "window": WINDOW} for one in flows]
        return self.frames(flows, seconds, **more)

    def rate(self, flows, seconds, **more):
        """Frames a second that come out at full load, their stations being known; measured once for a shape of load."""
        shape = repr((flows, more))
        if shape not in self._rates:
            self.teach(flows)
            self._rates[shape] = self.at_full_load(flows, seconds, **more).rate
        return self._rates[shape]


def paced(flows, rate):
    """The same flows, with so many frames a second all together."""
    return [{**one, "rate": rate / len(flows)} for one in flows]


class Stations(typing.NamedTuple):
    """Those behind one port, and the VLAN in which they are."""

    port: int
    first: int
    count: int
    vlan: int | None


def _stations(flows):
    """The stations on both ends of flows."""
    for one in flows:
        vlan = one.get("vlan")
        if not one.get("source"):
            yield Stations(one["from"], one.get("first_station", 0), one.get("stations", 1), vlan)
        to = one["to"] if isinstance(one["to"], list) else [one["to"]]
        for port in to:
            if isinstance(port, int):
                yield Stations(port, one.get("to_first_station", 0), one.get("to_stations", 1), vlan)


def flows_of(pattern, port_count, sizes, stations=2, vlan=None):
    """The flows of a pattern over all ports; `stations` is their number in all, at least one for each port that has one."""
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
