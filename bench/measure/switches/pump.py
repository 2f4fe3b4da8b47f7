# SPDX-License-Identifier: GPL-2.0-or-later
"""The floor of switches with taps: frames are copied from one tap to another, unread."""
from ..lab import Unsupported
from .base import DeviceSwitch


class Pump(DeviceSwitch):
    title = "bare pump"
    ports = "tap"

    @property
    def version(self):
        return self.lab.version

    def connect(self):
        if self.vlan is not None:
            raise Unsupported("the pump does not support VLANs")
        ends = [f"{device}@{host}" for device, host in zip(self.devices, self.hosts)]
        command = ["stdbuf", "-oL", self.lab.programs / "bench/pump", *self.options, *ends]
        self.program = self.run_program("pump", command, realtime=self.lab.realtime)
        self.program.wait_until(lambda: self.program.says("ready"), "become ready")
