# SPDX-License-Identifier: GPL-2.0-or-later
"""Open vSwitch with its datapath in userspace: on taps, and with DPDK on vhost-user sockets.

Each switch has a database, management sockets and a network namespace of its own, and is independent of a service on this
machine.
Options are settings of the switch (`ovs-vswitchd.conf.db(5)`, other_config), as in "ovs:userspace-tso-enable=true".
"""
import os
import re
import shutil

from ..case import USUAL_MTU
from ..lab import Failed, Unsupported, run
from .base import BRIDGE, DeviceSwitch, Switch

SCHEMA = "/usr/share/openvswitch/vswitch.ovsschema"
PLAIN = "/usr/lib/openvswitch-switch/ovs-vswitchd"  # ovs-vswitchd itself can be that with DPDK, by update-alternatives
WITH_DPDK = "/usr/lib/openvswitch-switch-dpdk/ovs-vswitchd-dpdk"
STATIONS = 1_000_000  # the largest number that Open vSwitch can be set to learn
SELDOM_MS = 3_600_000  # interval of port counters in the database, which rbbench does not read
DPDK_MIB = 512  # of memory for buffers
HUGE_PAGES = 512 + 16


def default_vswitchd():
    return shutil.which(PLAIN) or "ovs-vswitchd"


class OpenVswitchBase(Switch):
    """The database and the daemon of Open vSwitch."""

    package = "openvswitch-switch"
    tools = ("ovsdb-tool", "ovsdb-server", "ovs-vsctl", "ovs-appctl", "ovs-ofctl")

    @property
    def version(self):
        said = run(self.vswitchd, "--version")
        names = {r"\(Open vSwitch\) (\S+)": "{}", r"DPDK (\S+)": "DPDK {}"}
        found = ((re.search(pattern, said), words) for pattern, words in names.items())
        return ", ".join(words.format(match[1]) for match, words in found if match)

    def start_daemon(self, settings, netns, **where):
        database = self.directory / "db.sock"
        run("ovsdb-tool", "create", self.directory / "conf.db", SCHEMA)
        # The server does nothing after the ports exist. Nevertheless the switch should not share a processor with it.
        server = self.run_program("ovsdb-server",
                                  ["ovsdb-server", self.directory / "conf.db", f"--remote=punix:{database}",
                                   f"--unixctl={self.directory}/db.ctl", f"--pidfile={self.directory}/db.pid"],
                                  cpus=[self.lab.load_cpu])
        server.wait_until(database.exists, "make its socket")
        self.vsctl = ["ovs-vsctl", f"--db=unix:{database}", "--timeout=60"]
        if not all("=" in word for word in self.options):
            raise Unsupported("options of Open vSwitch must be NAME=VALUE")
        settings = {"stats-update-interval": SELDOM_MS, **settings, **dict(word.split("=", 1) for word in self.options)}
        run(*self.vsctl, "--no-wait", "init", "--", "set", "Open_vSwitch", ".",
            *(f'other_config:{key}="{value}"' for key, value in settings.items()))
        self.program = self.run_program("ovs-vswitchd", [self.vswitchd, f"unix:{database}",
                                                         f"--unixctl={self.directory}/vswitchd.ctl",
                                                         f"--pidfile={self.directory}/vswitchd.pid", "-vconsole:info"],
                                        netns=netns, env={**os.environ, "OVS_RUNDIR": str(self.directory)}, **where)
        self.program.wait_until((self.directory / "vswitchd.pid").exists, "start")

    def add_bridge(self, ports, kind, *more):
        """Makes a learning bridge with ports of this type and settings. ovs-vsctl returns when all ports exist."""
        settings = [f"type={kind}", *more] + ([f"mtu_request={self.mtu}"] if self.mtu != USUAL_MTU else [])
        vlan = ["--", "set", "port", "{0}", "vlan_mode=trunk", f"trunks={self.vlan}"] if self.vlan is not None else []
        words = ["--", "add-port", BRIDGE, "{0}", "--", "set", "interface", "{0}", *settings, *vlan]
        run(*self.vsctl, "add-br", BRIDGE, "--", "set", "bridge", BRIDGE, "datapath_type=netdev",
            f"other_config:mac-table-size={STATIONS}", *(word.format(port) for port in ports for word in words))
        errors = run(*self.vsctl, "--bare", "--columns=error", "list", "interface").split("\n\n")
        for error in filter(str.strip, errors):
            raise Failed(f"Open vSwitch: {error.strip()}")
        # The bridge's own interface is also a tap, which nobody reads: the bridge must not flood to it.
        run("ovs-ofctl", "mod-port", f"unix:{self.directory}/{BRIDGE}.mgmt", BRIDGE, "no-flood")

    def appctl(self, *words):
        return run("ovs-appctl", "-t", self.directory / "vswitchd.ctl", *words)

    def flush(self):
        self.appctl("fdb/flush", BRIDGE)
        self.appctl("revalidator/purge")  # removes the flows to learned stations, which would stay for a while


class OpenVswitch(OpenVswitchBase, DeviceSwitch):
    """Open vSwitch makes taps in a namespace of its own. They are then moved to the hosts, and Open vSwitch keeps their descriptors.

    Its main thread forwards the frames of taps.
    """

    title = "Open vSwitch"
    ports = "tap"
    most_ports = 256
    programs = ("ovs-vswitchd", *OpenVswitchBase.tools)

    @property
    def vswitchd(self):
        return default_vswitchd()

    def connect(self):
        middle = self.namespace("-ovs")
        self.start_daemon({}, middle)
        if self.lab.realtime:
            self._let_main_thread_go_first()
        self.add_bridge(self.devices, "tap")
        run("ip", "-n", middle, "-batch", "-", lines=[f"link set dev {device} netns {host}"
                                                      for device, host in zip(self.devices, self.hosts)])
        if self.mtu != USUAL_MTU:
            self._leave_stand_ins(middle)

    def _leave_stand_ins(self, middle):
        """Makes devices with the names of the moved taps, so that Open vSwitch finds their MTU when it asks by name. Otherwise it
        would cut frames to the default MTU. The devices must be up with a carrier, which a veth pair has."""
        run("ip", "-n", middle, "-batch", "-",
            lines=[line for device in self.devices
                   for line in (f"link add {device} mtu {self.mtu} type veth peer name to-{device}",
                                f"link set dev to-{device} up", f"link set dev {device} up")])

    def _let_main_thread_go_first(self):
        """Otherwise the other threads would never run beside it on one processor, and flows would not be maintained."""
        for thread in map(int, os.listdir(f"/proc/{self.program.pid}/task")):
            if thread != self.program.pid:
                os.sched_setaffinity(thread, os.sched_getaffinity(0))
        os.sched_setscheduler(self.program.pid, os.SCHED_FIFO | os.SCHED_RESET_ON_FORK, os.sched_param(1))


class OpenVswitchDpdk(OpenVswitchBase):
    """One PMD thread, set up as in its documentation. The daemon's other threads run on the load's processor, because that
    thread never sleeps."""

    title = "Open vSwitch-DPDK"
    ports = "vhost-user"
    kind = "vhost"
    most_ports = 64
    package = "openvswitch-switch-dpdk"
    vswitchd = WITH_DPDK
    programs = (WITH_DPDK, *OpenVswitchBase.tools)
    polls = True

    def start(self):
        prefix = self.lab.dpdk_files(self.id, self.resources)
        self.lab.huge_pages(HUGE_PAGES, self.resources)
        netns = self.namespace("-ovs")  # keeps the taps that it makes for its bridges apart from those of the host
        settings = {"dpdk-init": "true", "pmd-cpu-mask": f"{1 << self.lab.switch_cpu:#x}",
                    "dpdk-lcore-mask": f"{1 << self.lab.load_cpu:#x}", "dpdk-socket-mem": DPDK_MIB,
                    # Memory is anonymous, so that no file of it stays behind.
                    "dpdk-extra": f"--in-memory --no-pci --file-prefix={prefix}"}
        if self.lab.super_frames:
            settings["userspace-tso-enable"] = "true"
        self.start_daemon(settings, netns, cpus=[self.lab.load_cpu])
        self.names = [f"p{port}" for port in range(self.port_count)]
        # It is the client of its guests, which its documentation recommends, and without which it offers them no TSO.
        self.add_bridge(self.names, "dpdkvhostuserclient", f"options:vhost-server-path={self.directory}/{{0}}")
        self.load_ports = [f"{port},server=on" for port in self.guests_on(self.directory / name for name in self.names)]

    def connected(self):
        for name in self.names:
            run(*self.vsctl, "wait-until", "interface", name, "link_state=up")
