# SPDX-License-Identifier: GPL-2.0-or-later
"""Errored frames (RFC 2889 5.9) that a virtual port can carry: there is no FCS.

Each kind is sent a hundred times, and the result is the share that came out. `WANTED` has the behaviour that 802.1Q requires:
a bridge discards frames from group addresses (8.6.1) and to reserved addresses (8.6.3). 802.1Q does not limit lengths, which
depend on the medium.
"""
from ..case import Case
from ..load import flow

COUNT = 100
# Kind, changes of the flow, behaviour of an 802.1Q bridge.
KINDS = {
    "runt of 63 octets": ({"sizes": [63]}, None),
    "runt of 40 octets": ({"sizes": [40]}, None),
    "header alone": ({"sizes": [18]}, None),
    "longer than the receiver's MTU": ({"sizes": [2018], "mtu": 9000}, "dropped"),
    "from a group address": ({"source": "03:00:5e:00:00:01"}, "dropped"),
    "from address zero": ({"source": "00:00:00:00:00:00"}, "dropped"),
    "from the broadcast address": ({"source": "ff:ff:ff:ff:ff:ff"}, "dropped"),
    "to itself": ({"to": 0}, "dropped"),
    "pause frame (01:80:c2:00:00:01)": ({"to": "01:80:c2:00:00:01"}, "dropped"),
    "reserved address (01:80:c2:00:00:0e)": ({"to": "01:80:c2:00:00:0e"}, "dropped"),
    "length field instead of a type": ({"ethertype": 46}, "forwarded"),
    "tagged twice": ({"vlan": 10, "ethertype": 0x8100}, "forwarded"),
}


def cases(_options):
    for kind, (difference, wanted) in KINDS.items():
        def sample(scene, difference=difference):
            scene.teach([flow(0, 1), flow(1, 0)])
            words = {"to": 1, "sizes": [64], "count": COUNT, "retry": True, **difference}
            mtu = words.pop("mtu", None)
            before = scene.switch.set_mtu(0, mtu) if mtu else None
            try:
                trial = scene.frames([flow(0, words.pop("to"), words.pop("sizes"), **words)], 2, warm_up=0)
            finally:
                if before:
                    scene.switch.set_mtu(0, before)
            return {"value": sum(trial.total["received"][1:]) / max(1, trial.sent)}

        yield Case("errored", f"errored frames: {kind}", "share forwarded", sample, better="none", kinds=("device",),
                   rounds=1, parameters={"kind": kind, "wanted": wanted})
