# SPDX-License-Identifier: GPL-2.0-or-later
"""Ports that exist already, of a switch that rbbench knows nothing about: --ports."""


class ExistingPorts:
    """Has what a switch of the switches package has, and leaves everything as it is."""

    name, title, version, ports = "existing", "existing ports", "", "as named"

    def __init__(self, _lab, names):
        self.load_ports = [name if name.startswith(("vhost:", "packet:")) else f"packet:{name}" for name in names]
        self.kind = "vhost" if self.load_ports[0].startswith("vhost:") else "device"
        self.pids = []

    def pause(self):
        """Nobody else has to be quiet."""

    resume = pause
