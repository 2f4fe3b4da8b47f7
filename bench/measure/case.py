# SPDX-License-Identifier: GPL-2.0-or-later
"""A case is one measurement that is made of every switch in turns. It describes the ports and settings that it needs."""
import dataclasses
from collections.abc import Callable

from .load import IMIX

BASE_STATIONS = 2  # one behind each of two ports
USUAL_MTU, LARGE_MTU = 1500, 9000
LARGEST_USUAL_SIZE = 1518
PATTERN_WORDS = {"pair": "one way", "both": "both ways", "one_to_many": "one to many", "many_to_one": "many to one",
                 "mesh": "everyone to everyone"}


@dataclasses.dataclass
class Case:
    test: str  # the test of the document to which it belongs
    title: str
    unit: str
    sample: Callable  # takes a Scene; returns a dict that has "value"
    ports: int = 2
    vlan: int | None = None
    better: str = "more"  # or "less", "none"
    kinds: tuple = ("device", "vhost")
    parameters: dict = dataclasses.field(default_factory=dict)
    super_frames: bool = False
    rounds: int | None = None  # fewer if one sample is a search

    @property
    def mtu(self):
        """The MTU of all devices. TCP always has frames of the default size, whatever the largest measured size is."""
        size = self.parameters.get("size")
        return LARGE_MTU if isinstance(size, int) and size > LARGEST_USUAL_SIZE and not self.super_frames else USUAL_MTU

    @property
    def needs(self):
        """The properties of the switch that this case needs."""
        return {"ports": self.ports, "vlan": self.vlan, "mtu": self.mtu, "super_frames": self.super_frames}

    def described(self):
        """All parameters of the case."""
        return {"size": None, "ports": self.ports, "stations": BASE_STATIONS, "vlan": self.vlan, "pattern": "pair",
                **self.parameters}


def sizes_of(size):
    """Returns the sizes of a flow: a number, or a list for the Internet mix."""
    return IMIX if size == "IMIX" else size


def size_words(size):
    return "IMIX" if size == "IMIX" else f"{size} octets"
