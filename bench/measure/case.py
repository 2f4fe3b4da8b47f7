# SPDX-License-Identifier: GPL-2.0-or-later
"""A case: one measurement that is made of every switch in turns, and what it needs."""
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
    test: str  # which test of the document it belongs to
    title: str
    unit: str
    sample: Callable  # of a Scene; returns a dict that has "value"
    ports: int = 2
    vlan: int | None = None
    better: str = "more"  # or "less", "none"
    kinds: tuple = ("device", "vhost")
    parameters: dict = dataclasses.field(default_factory=dict)
    super_frames: bool = False
    rounds: int | None = None  # where one sample is a search of its own, fewer will do

    @property
    def mtu(self):
        """Of all devices: TCP has frames of the usual size, whatever the largest that is measured."""
        size = self.parameters.get("size")
        return LARGE_MTU if isinstance(size, int) and size > LARGEST_USUAL_SIZE and not self.super_frames else USUAL_MTU

    @property
    def needs(self):
        """What has to be built for it."""
        return {"ports": self.ports, "vlan": self.vlan, "mtu": self.mtu, "super_frames": self.super_frames}

    def described(self):
        """Its parameters, complete."""
        return {"size": None, "ports": self.ports, "stations": BASE_STATIONS, "vlan": self.vlan, "pattern": "pair",
                **self.parameters}


def sizes_of(size):
    """What a flow has as its sizes: a number, or a list for the Internet mix."""
    return IMIX if size == "IMIX" else size


def size_words(size):
    return "IMIX" if size == "IMIX" else f"{size} octets"
