# SPDX-License-Identifier: GPL-2.0-or-later
"""Helpers that the reports share: medians and their spread, numbers in readable units, and the names and colours of switches."""
import collections
import math

from .case import PATTERN_WORDS
from .load import BROADCAST
from .statistics import ratios, spread

Spread = collections.namedtuple("Spread", "median low high")  # low and high are None if there was one round
Scale = collections.namedtuple("Scale", "factor unit decimals")
Look = collections.namedtuple("Look", "colour mark is_reference")  # colour: in the light and in the dark

# Colours: ringbridge has warm ones, other switches cool ones, and the floor and the null run are grey.
LOOKS = {
    "ringbridge": Look(("#d2380b", "#ff7d50"), "circle", False),
    "ringbridge-vhost": Look(("#d2380b", "#ff7d50"), "circle", False),
    "ringbridge-packet": Look(("#b97400", "#f2b544"), "square", False),
    "ringbridge-stream": Look(("#b0307a", "#f486c1"), "diamond", False),
    "ringbridge-trunk": Look(("#8f4a1c", "#dc9f6d"), "triangle", False),
    "ringbridge-trunk-plain": Look(("#8a7a00", "#d8c750"), "inverted", False),
    "linux-bridge": Look(("#1769c2", "#6db3ff"), "square", False),
    "ovs": Look(("#0c8567", "#46cda5"), "triangle", False),
    "ovs-dpdk": Look(("#0b7d93", "#45c6de"), "triangle", False),
    "vde": Look(("#7a4cc2", "#bd9dfa"), "diamond", False),
    "testpmd": Look(("#4353c4", "#9aa6ff"), "square", False),
    "pump": Look(("#69737d", "#a3aeb9"), "inverted", True),
    "none": Look(("#98a1ab", "#74808c"), "cross", True),
}
OTHER_LOOKS = [
    Look(("#4d7c0f", "#a6d34f"), "square", False), Look(("#a0244f", "#ff8fb0"), "diamond", False),
    Look(("#7c5a4a", "#c9a694"), "inverted", False), Look(("#2f5d7c", "#8fc1e3"), "triangle", False),
]
PATTERNS = {**PATTERN_WORDS, BROADCAST: "broadcast"}
GROUPS = {"device": "hosts on devices (taps, veth pairs)", "vhost": "guests on vhost-user sockets"}
# Parameters with these values are left out of a measurement's description.
USUAL = {"ports": 2, "stations": 2, "pattern": "pair", "vlan": None, "broadcast": False}


def samples_of(measurement, name, key="value"):
    """Returns the values of a key, from every round that has it."""
    return [sample[key] for sample in measurement["samples"].get(name, []) if sample.get(key) is not None]


def spread_of(measurement, name, key="value"):
    """Returns median and quartiles, or None if there is no sample."""
    values = samples_of(measurement, name, key)
    if not values:
        return None
    median, low, high = spread(values)
    return Spread(median, low, high) if len(values) > 1 else Spread(median, None, None)


def subject_of(measurement):
    """Returns the switch that is compared with the others."""
    return next(iter(measurement["samples"]), None)


def ratios_of(measurement):
    """Returns {name: Spread} of the first switch over each other, from the document's ratios or from its samples."""
    if "ratios" in measurement:
        given = measurement["ratios"]
    elif subject_of(measurement) is not None and all(map(is_complete, measurement["samples"].values())):
        given = ratios(measurement["samples"])
    else:
        given = {}
    ours = len(samples_of(measurement, subject_of(measurement)))
    result = {}
    for name, ratio in given.items():
        rounds = min(ours, len(samples_of(measurement, name)))
        result[name] = Spread(ratio["median"], *((ratio["low"], ratio["high"]) if rounds > 1 else (None, None)))
    return result


def is_complete(samples):
    return all(sample.get("value") is not None for sample in samples)


def cost_ratio(measurement, name, key="switch_ns"):
    """Returns the cost of a unit in another switch over the cost in the first, within a round; None if it is unknown."""
    pairs = [(ours.get(key), theirs.get(key)) for ours, theirs
             in zip(measurement["samples"][subject_of(measurement)], measurement["samples"][name])]
    if not pairs or not all(ours and theirs is not None for ours, theirs in pairs):
        return None
    median, low, high = spread(theirs / ours for ours, theirs in pairs)
    return Spread(median, low, high) if len(pairs) > 1 else Spread(median, None, None)


def verdict(ratio, better):
    """Returns "better" or "worse" for the first switch by a ratio, or "same" if 1 is between the quartiles."""
    if better not in ("more", "less"):
        return None
    low = ratio.median if ratio.low is None else ratio.low
    high = ratio.median if ratio.high is None else ratio.high
    if low <= 1 <= high:
        return "same"
    return "better" if (low > 1) == (better == "more") else "worse"


def decimals_for(values, largest_decimals):
    """Returns the number of decimals with which the largest value has three significant digits, and the smallest at least two."""
    sizes = [abs(value) for value in values if value]
    if not sizes:
        return 0
    of_largest = 2 - math.floor(math.log10(max(sizes)))
    of_smallest = 1 - math.floor(math.log10(min(sizes)))
    return max(0, min(max(of_largest, of_smallest), largest_decimals))


def scale_for(unit, values):
    """Returns a readable unit for these values, which all have the same unit."""
    values = [value for value in values if value is not None]
    largest = max((abs(value) for value in values), default=0)
    if unit == "octets/s":
        values, largest, unit, base = [8 * value for value in values], 8 * largest, "bit/s", 8
    else:
        base = 1
    if unit.startswith("share"):
        return Scale(100, "%", decimals_for([100 * value for value in values], 2))
    if unit == "ns":
        steps = [(1e9, "s"), (1e6, "ms"), (1e3, "µs"), (1, "ns")]
    elif unit in ("stations", "frames"):
        return Scale(1, unit, 0)
    elif unit == "processors":
        return Scale(1, unit, 2)
    elif unit.endswith("/s"):
        separator = "" if unit == "bit/s" else " "
        steps = [(1e9, f"G{separator}{unit}"), (1e6, f"M{separator}{unit}"), (1e3, f"k{separator}{unit}"), (1, unit)]
    else:
        steps = [(1, unit)]
    # Latencies of one plot differ by four powers of ten: the shortest must not be shown as 0.
    decisive = min((value for value in values if value > 0), default=0) if unit == "ns" else largest
    divisor, name = next(((step, name) for step, name in steps if decisive >= step), steps[-1])
    return Scale(base / divisor, name, decimals_for([value / divisor for value in values], 3))


def number(value, scale):
    """Returns a value in a scale, without its unit."""
    return f"{value * scale.factor:,.{scale.decimals}f}"


def ratio_number(value):
    """Returns a ratio with two decimals, or with significant digits if it is far from one."""
    if value == 0:
        return "0"
    if value >= 0.1:
        return f"{value:,.{2 if value < 10 else 1 if value < 100 else 0}f}"
    return f"{value:.{min(6, 1 - math.floor(math.log10(value)))}f}"


def range_words(figure, words):
    """Returns the quartiles, or an empty text if there was one round."""
    return "" if figure.low is None else f"{words(figure.low)} to {words(figure.high)}"


def count_words(count):
    return f"{count:,}" if isinstance(count, int) else f"{count:g}"


def short_count(count):
    """Returns a count in the format of axis labels: 10 k, 1 M."""
    for step, letter in ((1_000_000_000, "G"), (1_000_000, "M"), (1_000, "k")):
        if count >= step and count % (step // 10) == 0:
            return f"{count / step:g} {letter}"
    return f"{count:g}"


def parameter_words(name, value):
    """Returns a parameter in words, or None if it is not worth a word."""
    if value is None or (name == "broadcast" and not value):
        return None
    if name == "size":
        return f"{value}" if isinstance(value, str) else f"{value} octets"
    if name == "pattern":
        return PATTERNS.get(value, str(value))
    if name == "vlan":
        return f"VLAN {value}"
    if name == "load":
        return f"{value:.0%} load" if value <= 2 else f"{value:,} frames/s"
    if name == "offered":
        return f"{value:.0%} offered" if value <= 2 else f"{value:,.0f} frames/s offered"
    if name in ("ports", "stations", "streams"):
        return f"{count_words(value)} {name[:-1] if value == 1 else name}"
    if name == "broadcast":
        return "broadcasts"
    if name == "group":
        return GROUPS.get(value, str(value))
    if name == "kind":
        return str(value)
    return f"{name} {value}"


def circumstances(parameters, without=()):
    """Returns the parameters of a measurement in words, without defaults: "64 octets, one way, 8 ports"."""
    words = [parameter_words(name, value) for name, value in parameters.items()
             if name not in without and not (name in USUAL and name != "pattern" and value == USUAL[name])]
    return ", ".join(word for word in words if word)


class Switches:
    """The switches of a document in its order, with titles, and for each a look that is the same in every plot."""

    def __init__(self, document):
        described = {switch["name"]: switch for switch in document.get("switches", [])}
        for measurement in document.get("measurements", []):
            for name in measurement["samples"]:
                described.setdefault(name, {"name": name})
        self.described = described
        self.names = list(described)
        others = 0
        self.looks = {}
        for name in self.names:
            if name in LOOKS:
                self.looks[name] = LOOKS[name]
            else:
                base = LOOKS.get(name.partition(":")[0])
                self.looks[name] = OTHER_LOOKS[others % len(OTHER_LOOKS)]._replace(is_reference=bool(base and base.is_reference))
                others += 1

    def title(self, name):
        return str(self.described[name].get("title") or name)

    def in_order(self, names):
        return [name for name in self.names if name in set(names)]


def age_words(seconds):
    """Returns a duration in words."""
    minutes = round(seconds / 60)
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"


def machine_words(machine):
    """Returns one line about the machine of the run."""
    words = [f"{machine.get('cpus', '?')} x {machine.get('model', 'unknown processor')}"]
    if machine.get("memory_mib"):
        words.append(f"{machine['memory_mib'] / 1024:.3g} GiB")
    if machine.get("hypervisor"):
        words.append("virtual machine" if machine["hypervisor"] is True else f"virtual machine ({machine['hypervisor']})")
    if machine.get("kernel"):
        words.append(f"Linux {machine['kernel']}")
    if machine.get("distribution"):
        words.append(str(machine["distribution"]))
    return ", ".join(words)
