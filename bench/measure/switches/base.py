# SPDX-License-Identifier: GPL-2.0-or-later
"""The base of all switches: it makes a switch and its hosts, and removes them."""
import contextlib
import json
import os
import shlex
import shutil

from ..case import USUAL_MTU
from ..lab import Program, Unsupported, remove_namespace, run

ADDRESS = "192.168.223.{}/24"  # of the hosts on ports 0 and 1, for TCP
HEADER_AND_FCS = 18  # octets of a frame beyond its MTU
BRIDGE = "br0"


def words_of(options_text):
    return shlex.split(options_text)


def host_of(port, hosts):
    """Even ports are in one namespace, and odd ports in the other."""
    return hosts[port % 2]


class Switch:
    """A switch with a number of ports. It runs when the constructor returns, and stop() removes it."""

    name = title = None
    ports = "tap"  # or "veth", "vhost-user": the kind of port that a host uses
    kind = "device"  # or "vhost": the load generator's kind of port
    most_ports = 2
    package = None  # the Debian package with the switch
    programs = ()  # programs that must be installed
    polls = False  # true if the switch never sleeps, so that it must be paused outside its turn
    largest_mtu = 65521

    def __init__(self, lab, options_text="", port_count=2, vlan=None):
        self.lab, self.options, self.port_count, self.vlan = lab, words_of(options_text), port_count, vlan
        if options_text:
            self.name, self.title = f"{self.name}:{options_text}", f"{self.title} {options_text}"
        if port_count > self.most_ports:
            raise Unsupported(f"{self.title} has no more than {self.most_ports} ports here")
        if lab.mtu > self.largest_mtu:
            raise Unsupported(f"{self.title} carries frames of at most {self.largest_mtu + HEADER_AND_FCS} octets")
        self.mtu = lab.mtu
        self.id = f"{lab.number()}"
        self.directory = lab.directory / self.id
        self.directory.mkdir()
        self.program, self.hosts, self.load_ports = None, [], []
        self.resources, self.namespaces = contextlib.ExitStack(), []
        lab.resources.callback(self.stop)
        try:
            self.start()
        except BaseException:
            self.stop()
            raise

    @classmethod
    def lacks(cls):
        """Returns None, or the reason why this machine cannot measure the switch."""
        absent = [program for program in cls.programs if shutil.which(program) is None]
        if absent:
            return f"there is no {absent[0]} (Debian package {cls.package})"
        if cls.polls and len(os.sched_getaffinity(0)) < 2:
            return "the switch never sleeps, and there is no second processor for the load"
        return None

    def start(self):
        raise NotImplementedError

    def flush(self):
        """Makes the switch forget all learned stations."""

    def connected(self):
        """Returns when the switch has noticed the load generator on its ports."""

    @property
    def version(self):
        raise NotImplementedError

    @property
    def pids(self):
        """The processes whose processor time is the switch's own; none for a switch in the kernel."""
        return [self.program.pid] if self.program else []

    def pause(self):
        if self.polls:
            self.program.pause()

    def resume(self):
        if self.program and self.program.ended:
            self.program.fail("ended")
        if self.polls:
            self.program.resume()

    def stop(self):
        # The kernel removes the devices of a namespace all at once, and those of a process one after the other.
        for name in self.namespaces:
            remove_namespace(name)
        self.resources.close()

    def guests_on(self, sockets):
        """The load generator's ports on vhost-user sockets."""
        more = ",tso=on" if self.lab.super_frames else ""
        return [f"vhost:{path}{more}" for path in sockets]

    def run_program(self, name, command, **where):
        """Starts a process of this switch, by default on the switch's processor."""
        where.setdefault("cpus", [self.lab.switch_cpu])
        return Program(name, command, self.directory / f"{name}.log", self.resources, **where)

    def namespace(self, suffix):
        name = self.lab.namespace(f"{self.id}{suffix}", self.resources)
        self.namespaces.append(name)
        return name


class DeviceSwitch(Switch):
    """A switch whose hosts have network devices, eth0 on port 0 and so on, with the offloads of such devices.

    Queues have the kernel's default lengths, which are the same for a veth and for any tap.
    """

    def start(self):
        sides = [self.namespace(side) for side in "ab"]
        self.hosts = [host_of(port, sides) for port in range(self.port_count)]
        self.devices = [f"eth{port}" for port in range(self.port_count)]
        self.connect()
        for host in sides:
            self._bring_up(host)
        self.load_ports = [f"packet:{device}@{host}" for device, host in zip(self.devices, self.hosts)]

    def connect(self):
        """Makes the hosts' devices, which are down, and the switch behind them."""
        raise NotImplementedError

    def _bring_up(self, host):
        mine = [port for port in range(self.port_count) if self.hosts[port] == host]
        lines = [f"addr add {ADDRESS.format(port + 1)} dev {self.devices[port]}" for port in mine if port < 2]
        mtu = f"mtu {self.mtu} " if self.mtu != USUAL_MTU else ""
        lines += [f"link set dev {self.devices[port]} {mtu}up" for port in mine]
        run("ip", "-n", host, "-batch", "-", lines=lines)

    def set_mtu(self, port, mtu):
        """Changes the MTU of the host's device, not of the switch. Returns the MTU before."""
        host, device = self.hosts[port], self.devices[port]
        before = json.loads(run("ip", "-n", host, "-j", "link", "show", "dev", device))[0]["mtu"]
        run("ip", "-n", host, "link", "set", "dev", device, "mtu", mtu)
        return before

    def veth_pairs(self, middle, more=""):
        """Makes veth pairs from the hosts' devices to p0, p1 and so on in `middle`, which are up. Returns their names."""
        near = [f"p{port}" for port in range(self.port_count)]
        run("ip", "-n", middle, "-batch", "-",
            lines=[f"link add {end} mtu {self.mtu} type veth peer name {device} netns {host}"
                   for end, device, host in zip(near, self.devices, self.hosts)])
        run("ip", "-n", middle, "-batch", "-", lines=[f"link set dev {end} {more} up" for end in near])
        return near
