# SPDX-License-Identifier: GPL-2.0-or-later
"""ringbridged with ports of each kind, with one thread that forwards unless options say otherwise."""
import pathlib
import re

from ..case import USUAL_MTU
from ..lab import Unsupported, run, version_of
from .base import BRIDGE, DeviceSwitch, Switch

FDB_SIZE = 4 << 20  # stations
HOSTS_VLAN, OTHER_VLAN = 10, 20  # of the trunk between two bridges


def programs_and_options(switch):
    """Returns the build directory of a switch and the daemon's options. Our own option `--build DIR` names another build."""
    options = list(switch.options)
    if "--build" not in options:
        return switch.lab.programs, options
    at = options.index("--build")
    directory = pathlib.Path(*options[at + 1:at + 2]).resolve()
    if not (directory / "control/ringbridged").exists():
        raise Unsupported(f"--build {directory}: there is no control/ringbridged")
    return directory, options[:at] + options[at + 2:]


class Daemon:
    """A ringbridged that rbctl configures."""

    def __init__(self, switch):
        programs, options = programs_and_options(switch)
        socket = switch.directory / "control.sock"
        if not any(word.startswith("--fdb-size") for word in options):
            options += ["--fdb-size", FDB_SIZE]
        self.rbctl = [programs / "control/rbctl", "--socket", socket]
        command = [programs / "control/ringbridged", "--no-host-port", "--socket", socket, *options]
        self.program = switch.run_program("ringbridged", command, realtime=switch.lab.realtime)
        self.program.wait_until(lambda: self.program.says(": ready"), "become ready")

    def tell(self, *commands):
        """Sends consecutive commands in one request."""
        run(*self.rbctl, "-batch", "-", lines=commands)


class RingbridgeBase(Switch):
    """The parts that all kinds of port share."""

    bridges = (BRIDGE,)

    @property
    def version(self):
        return version_of(programs_and_options(self)[0])

    def flush(self):
        self.daemon.tell(*(f"fdb flush br {bridge}" for bridge in self.bridges))

    def start_daemon(self):
        self.daemon = Daemon(self)
        self.program = self.daemon.program
        self.daemon.tell(*(f"addbr {bridge}" for bridge in self.bridges))

    def trunks(self, names):
        """Makes ports trunks of the VLAN, if the case has one."""
        if self.vlan is not None:
            self.daemon.tell(*(f"link set {bridge} vlan_filtering 1" for bridge in self.bridges),
                             *(f"port {name} mode trunk vids {self.vlan}" for name in names))

    @property
    def queues(self):
        """Returns the option of taps that makes a queue for each of several workers."""
        match = re.search(r"--workers[ =](\d+)", " ".join(self.options))
        return f",queues={match[1]}" if match and int(match[1]) > 1 else ""

    def tap(self, port):
        return f"tap:{self.devices[port]},create,netns={self.hosts[port]}{self.queues}"


class Ringbridge(RingbridgeBase, DeviceSwitch):
    title = "ringbridge"
    ports = "tap"
    most_ports = 1024

    def connect(self):
        self.start_daemon()
        self.daemon.tell(*(f"addif {BRIDGE} {self.tap(port)}" for port in range(self.port_count)))
        self.trunks(self.devices)


class RingbridgePacket(RingbridgeBase, DeviceSwitch):
    """ringbridged on veth pairs, as the kernel's bridge."""

    title = "ringbridge, packet ports"
    ports = "veth"
    most_ports = 1024

    def connect(self):
        self.start_daemon()
        middle = self.namespace("-middle")
        near = self.veth_pairs(middle)
        self.daemon.tell(*(f"addif {BRIDGE} packet:{end},netns={middle}" for end in near))
        self.trunks(near)


class RingbridgeStream(RingbridgeBase, DeviceSwitch):
    """Two bridges with a stream socket between them."""

    title = "ringbridge, stream ports"
    bridges = ("br0", "br1")

    def connect(self):
        self.start_daemon()
        path = self.directory / "wire"
        self.daemon.tell(*(f"addif {bridge} {self.tap(port)} stream:{path},name=end{port}{',client' if port else ''}"
                           for port, bridge in enumerate(self.bridges)))
        self.trunks([*self.devices, "end0", "end1"])


class RingbridgeTrunk(RingbridgeBase, DeviceSwitch):
    """Hosts on access ports of two bridges, with a trunk between the bridges: taps, and a bridge of the kernel as the cable."""

    title = "ringbridge, access-trunk-access"
    bridges = ("br0", "br1")
    vlans = True

    def connect(self):
        if self.vlan is not None:
            raise Unsupported("the hosts are on access ports already")
        self.start_daemon()
        middle = self.namespace("-cable")
        run("ip", "-n", middle, "link", "add", "cable", "type", "bridge", "mcast_snooping", 0)
        mtu = ["mtu", self.mtu] if self.mtu != USUAL_MTU else []
        for port, bridge in enumerate(self.bridges):
            self.daemon.tell(f"addif {bridge} {self.tap(port)} tap:end{port},create,netns={middle}{self.queues}")
            run("ip", "-n", middle, "link", "set", "dev", f"end{port}", "master", "cable", *mtu, "up")
        run("ip", "-n", middle, "link", "set", "dev", "cable", *mtu, "up")
        if self.vlans:
            self.daemon.tell(*(f"link set {bridge} vlan_filtering 1" for bridge in self.bridges),
                             *(f"port end{port} mode trunk vids {HOSTS_VLAN},{OTHER_VLAN}" for port in range(2)),
                             *(f"port {device} mode access vid {HOSTS_VLAN}" for device in self.devices))


class RingbridgeTrunkPlain(RingbridgeTrunk):
    """The same without VLANs."""

    title = "ringbridge, the same without VLANs"
    vlans = False


class RingbridgeVhost(RingbridgeBase):
    title = "ringbridge, vhost-user"
    ports = "vhost-user"
    kind = "vhost"
    most_ports = 256

    def start(self):
        self.start_daemon()
        names = [f"p{port}" for port in range(self.port_count)]
        sockets = [self.directory / f"{name}.sock" for name in names]
        self.daemon.tell(*(f"addif {BRIDGE} vhost-user:{path},name={name}" for path, name in zip(sockets, names)))
        self.trunks(names)
        self.load_ports = self.guests_on(sockets)


class RingbridgeVhostPacked(RingbridgeVhost):
    """The same guests with packed rings."""

    title = "ringbridge, packed rings"

    def guests_on(self, sockets):
        return [f"{port},packed=on" for port in super().guests_on(sockets)]
