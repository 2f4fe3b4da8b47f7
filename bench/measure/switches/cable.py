# SPDX-License-Identifier: GPL-2.0-or-later
"""No switch at all: a veth pair from host to host. This measures the load generator and the hosts' kernel."""
import platform

from ..lab import Unsupported, run
from .base import DeviceSwitch


class Cable(DeviceSwitch):
    title = "no switch, a cable"
    ports = "veth"

    @property
    def version(self):
        return f"Linux {platform.release()}"

    def connect(self):
        if self.vlan is not None:
            raise Unsupported("a cable does not support VLANs")
        if self.options:
            raise Unsupported("a cable has no options")
        (one, other), (host, far) = self.devices, self.hosts
        run("ip", "-n", host, "link", "add", one, "type", "veth", "peer", "name", other, "netns", far)
