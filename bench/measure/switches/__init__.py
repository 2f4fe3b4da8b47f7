# SPDX-License-Identifier: GPL-2.0-or-later
"""The switches that rbbench can build, one module for each kind. The command line names them by NAME or NAME:OPTIONS."""
from .cable import Cable
from .linux_bridge import LinuxBridge
from .open_vswitch import OpenVswitch, OpenVswitchDpdk
from .pump import Pump
from .ringbridge import (Ringbridge, RingbridgePacket, RingbridgeStream, RingbridgeTrunk, RingbridgeTrunkPlain,
                         RingbridgeVhost, RingbridgeVhostPacked)
from .testpmd import Testpmd
from .vde import Vde

SWITCHES = {"ringbridge": Ringbridge, "ringbridge-packet": RingbridgePacket, "ringbridge-stream": RingbridgeStream,
            "ringbridge-vhost": RingbridgeVhost, "ringbridge-vhost-packed": RingbridgeVhostPacked, "ringbridge-trunk": RingbridgeTrunk,
            "ringbridge-trunk-plain": RingbridgeTrunkPlain, "linux-bridge": LinuxBridge, "ovs": OpenVswitch,
            "ovs-dpdk": OpenVswitchDpdk, "vde": Vde, "testpmd": Testpmd, "pump": Pump, "none": Cable}
for _name, _switch in SWITCHES.items():
    _switch.name = _name


def split(text):
    """Returns the class and the options of a switch on the command line. Raises KeyError if there is no such switch."""
    name, _, options = text.partition(":")
    return SWITCHES[name], options
