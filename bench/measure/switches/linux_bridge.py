# SPDX-License-Identifier: GPL-2.0-or-later
"""The bridge of the kernel, with veth pairs. It has no process: it works in the time of the sender of a frame."""
import platform

from ..lab import Failed, Unsupported, run
from .base import BRIDGE, DeviceSwitch


class LinuxBridge(DeviceSwitch):
    """Options are words of `ip link set type bridge`, as in "linux-bridge:mcast_snooping 0"."""

    title = "kernel bridge"
    ports = "veth"
    most_ports = 1023  # BR_MAX_PORTS in net/bridge/br_private.h, which counts from 1

    @property
    def version(self):
        return f"Linux {platform.release()}"

    def connect(self):
        self.middle = self.namespace("-bridge")
        run("ip", "-n", self.middle, "link", "add", BRIDGE, "mtu", self.mtu, "type", "bridge")
        if self.vlan is not None:
            try:
                # With a default PVID of 0, ports begin in no VLAN, so that they have only the VLAN that is added.
                run("ip", "-n", self.middle, "link", "set", BRIDGE, "type", "bridge", "vlan_filtering", 1,
                    "vlan_default_pvid", 0)
                # A kernel without VLAN filtering accepts and ignores these words.
                run("bridge", "-n", self.middle, "vlan", "add", "dev", BRIDGE, "vid", self.vlan, "self")
            except Failed:
                raise Unsupported("this kernel has no VLAN filtering in its bridge") from None
        if self.options:
            run("ip", "-n", self.middle, "link", "set", BRIDGE, "type", "bridge", *self.options)
        run("ip", "-n", self.middle, "link", "set", BRIDGE, "up")
        near = self.veth_pairs(self.middle, f"master {BRIDGE}")
        if self.vlan is not None:
            run("bridge", "-n", self.middle, "vlan", "del", "dev", BRIDGE, "vid", self.vlan, "self")
            run("bridge", "-n", self.middle, "-batch", "-",
                lines=[f"vlan add dev {end} vid {self.vlan}" for end in near])

    def flush(self):
        run("ip", "-n", self.middle, "link", "set", BRIDGE, "type", "bridge", "fdb_flush")
