# SPDX-License-Identifier: GPL-2.0-or-later
"""Existing ports of a switch that rbbench does not know: --ports."""


class ExistingPorts:
    """Has the interface of a switch of the switches package, and changes nothing."""

    name, title, version, ports = "existing", "existing ports", "", "as named"

    def __init__(self, _lab, names):
        self.load_ports = [name if name.startswith(("vhost:", "packet:")) else f"packet:{name}" for name in names]
        self.kind = "vhost" if self.load_ports[0].startswith("vhost:") else "device"
        self.pids = []

    def pause(self):
        """There is no other switch, so this one need not be paused."""

    resume = pause
