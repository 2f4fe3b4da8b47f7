# SPDX-License-Identifier: GPL-2.0-or-later
"""The command line of rbbench."""
import argparse
import os
import pathlib
import shutil
import sys

from .case import PATTERN_WORDS
from .procedures import PROCEDURES
from .switches import SWITCHES

DESCRIPTION = """rbbench measures Ethernet switches by RFC 2544 and RFC 2889, side by side on one machine.

For each switch rbbench builds hosts in network namespaces (or guests on vhost-user sockets). It loads the switch from one
processor while the switch runs on another. It measures the switches in turns A B A B, so that the machine's other work
affects all of them alike. It compares the first switch with each other switch by ratios within a round, and shows how much
a frame cost the whole machine. It skips switches that are not installed and prints a line about this. It needs root for
the namespaces."""

EPILOG = """A switch is NAME or NAME:OPTIONS. The options go to its program, e.g. "ringbridge:--workers 2" or "pump:--reads multishot".

  rbbench                                                   the default peers and tests, some minutes
  rbbench --switch ringbridge,linux-bridge --tests rate --sizes 64,512,1518 --html report.html
  rbbench --switch ringbridge-vhost,ovs-dpdk,testpmd        guests on vhost-user sockets
  rbbench --ports eth0@a,eth1@b --tests throughput,latency  a switch that runs already, by its existing ports
  rbbench --from result.json --html report.html             a report of earlier measurements
  rbbench --suite reference --page docs/performance.md      all tests, and the page made from them"""

USUAL_TESTS = ["rate", "latency", "tcp", "idle"]
# The two most informative sizes come first: some tests use only these two.
SIZES = [64, 1518, 128, 256, 512, 1024, 1280, 9000, "IMIX"]
LARGEST_SIZE, SMALLEST_SIZE = 9018, 64
PROCESSORS = sorted(os.sched_getaffinity(0))

# The defaults of a suite for options that are not on the command line.
SUITES = {
    "usual": {"switch": "ringbridge,linux-bridge,ovs,vde,pump,none", "tests": USUAL_TESTS, "sizes": [64, 1518]},
    "quick": {"switch": "ringbridge,linux-bridge", "tests": list(PROCEDURES), "sizes": [64], "stations": [2, 100],
              "port_counts": [2, 4], "patterns": ["pair", "mesh"], "pattern_ports": 4, "streams": [1], "loads": [0.5],
              "rounds": 1, "search_rounds": 1, "seconds": 0.1, "idle_seconds": 0.2, "most_stations": 2048},
    "reference": {"switch": "ringbridge,linux-bridge,ovs,vde,pump,none,ringbridge-vhost,ovs-dpdk,testpmd",
                  "tests": list(PROCEDURES), "sizes": SIZES, "stations": [2, 100, 10_000, 1_000_000],
                  "port_counts": [2, 8, 64, 256], "patterns": list(PATTERN_WORDS), "vlans": [None, 10],
                  "streams": [1, 4, 16]},
}
DEFAULTS = {"stations": [2], "port_counts": [2], "patterns": ["pair"], "vlans": [None], "streams": [1], "loads": [0.5, 0.9],
            "rounds": 5, "search_rounds": 3, "seconds": 0.5, "idle_seconds": 2, "most_stations": 2_000_000,
            "pattern_ports": 8, "search_sizes": 2}


def list_of(kind, name):
    """Returns a parser of comma-separated words."""
    def parse(text):
        try:
            return [kind(word) for word in text.split(",")]
        except (ValueError, KeyError):
            raise argparse.ArgumentTypeError(f"'{text}' is not a list of {name}") from None
    return parse


def bounded(kind, low, high):
    def parse(word):
        number = kind(word)
        if not low <= number <= high:
            raise ValueError
        return number
    return parse


def one_of(words, kind=str):
    def parse(word):
        if word not in words:
            raise ValueError
        return kind(word)
    return parse


def size(word):
    return "IMIX" if word.upper() == "IMIX" else bounded(int, SMALLEST_SIZE, LARGEST_SIZE)(word)


def vlan(word):
    return None if word == "none" else bounded(int, 1, 4094)(word)


def tests(text):
    return list(PROCEDURES) if text == "all" else list_of(one_of(PROCEDURES), "tests: " + ", ".join(PROCEDURES))(text)


def number(kind, low, high=float("inf")):
    """Returns a parser of one number within bounds."""
    def parse(text):
        try:
            return bounded(kind, low, high)(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"'{text}' is not a number from {low} on") from None
    return parse


def parser():
    result = argparse.ArgumentParser(prog="rbbench", description=DESCRIPTION, epilog=EPILOG,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    what = result.add_argument_group("what is measured")
    what.add_argument("--switch", metavar="NAMES", help="some of " + ", ".join(SWITCHES) + "; the first is compared with the others")
    what.add_argument("--ports", metavar="A,B", help="instead of --switch: the ports of a running switch, each DEVICE, "
                                                     "DEVICE@NETNS or vhost:SOCKET")
    what.add_argument("--suite", choices=SUITES, default="usual", help="defaults for everything below (default: usual)")
    what.add_argument("--tests", type=tests, metavar="TESTS", help="all, or some of " + ", ".join(PROCEDURES))
    what.add_argument("--sizes", type=list_of(size, f"frame sizes from {SMALLEST_SIZE} to {LARGEST_SIZE}, or IMIX"),
                      metavar="OCTETS", help="frame sizes, FCS included, or IMIX; tests that do not vary the size use the first")
    what.add_argument("--stations", type=list_of(bounded(int, 1, 8_000_000), "numbers of stations"), metavar="COUNTS",
                      help="total numbers of stations")
    what.add_argument("--port-counts", type=list_of(bounded(int, 2, 256), "numbers of ports from 2 to 256"), metavar="COUNTS")
    what.add_argument("--patterns", type=list_of(one_of(PATTERN_WORDS), "patterns: " + ", ".join(PATTERN_WORDS)),
                      metavar="PATTERNS", help="some of " + ", ".join(PATTERN_WORDS))
    what.add_argument("--pattern-ports", type=number(int, 3, 256), metavar="COUNT", help="number of ports in patterns with more than two (8)")
    what.add_argument("--vlans", type=list_of(vlan, "VIDs, or none"), metavar="VIDS", help="none, or the VID of the frames' tag")
    what.add_argument("--streams", type=list_of(bounded(int, 1, 256), "numbers of TCP streams"), metavar="COUNTS")
    what.add_argument("--loads", type=list_of(bounded(float, 0.01, 1), "shares of the rate"), metavar="SHARES",
                      help="loads of latency tests, as shares of each switch's rate (0.5,0.9)")
    what.add_argument("--search-sizes", type=number(int, 1), metavar="COUNT",
                      help="number of sizes for throughput, bursts and latency, which take long (2)")
    what.add_argument("--most-stations", type=number(int, 1024, 8_000_000), metavar="COUNT",
                      help="upper limit of the search for the address caching capacity (2000000)")
    how = result.add_argument_group("how it is measured")
    how.add_argument("--rounds", type=number(int, 1), help="number of rounds; in each, every switch has a turn (5)")
    how.add_argument("--search-rounds", type=number(int, 1), metavar="ROUNDS", help="rounds of tests whose sample is a search (3)")
    how.add_argument("--seconds", type=number(float, 0.01), help="length of one trial (0.5)")
    how.add_argument("--idle-seconds", type=number(float, 0.1), metavar="SECONDS", help="length of the idle test (2)")
    how.add_argument("--load-cpus", type=list_of(one_of(list(map(str, PROCESSORS)), int), "processors"), default=PROCESSORS[:1],
                     metavar="CPUS", help="processors that send (the first)")
    how.add_argument("--switch-cpu", type=number(int, PROCESSORS[0], PROCESSORS[-1]), default=PROCESSORS[-1], metavar="CPU",
                     help="processor of the switch (the last)")
    how.add_argument("--wait-quiet", type=number(float, 0), default=0, metavar="SECONDS",
                     help="wait up to this long before each measurement for a moment without other work")
    how.add_argument("--realtime", action="store_true",
                     help="run switches in userspace by SCHED_FIFO, so that other work delays them as little as the softirq "
                          "of the kernel's bridge")
    how.add_argument("--perf", action="store_true", help="also profile switches in userspace at full load (needs linux-perf)")
    how.add_argument("--build-dir", type=pathlib.Path, help="use the programs of this build, instead of building in build/bench")
    out = result.add_argument_group("output, in addition to the terminal")
    out.add_argument("--json", type=pathlib.Path, metavar="FILE", help="every sample; written after each measurement")
    out.add_argument("--csv", type=pathlib.Path, metavar="FILE", help="one line a sample")
    out.add_argument("--html", type=pathlib.Path, metavar="FILE", help="a report with plots, in one file")
    out.add_argument("--page", type=pathlib.Path, metavar="FILE", help="replace the measured part of docs/performance.md, or of a copy")
    out.add_argument("--from", type=pathlib.Path, dest="source", metavar="FILE", help="measure nothing, and read an earlier file of --json")
    return result


def parse(words):
    """Returns the complete options. Ends the program if they are invalid."""
    command = parser()
    options = command.parse_args(words)
    for name, value in {**DEFAULTS, **SUITES[options.suite]}.items():
        if getattr(options, name) is None:
            setattr(options, name, value)
    for path in (options.json, options.csv, options.html):
        if path and not path.absolute().parent.is_dir():
            command.error(f"there is no directory {path.parent} for {path.name}")
    if options.source:
        if not (options.csv or options.html or options.page):
            command.error("--from needs --html, --csv or --page")
        return options
    options.switch = options.switch.split(",")
    for word in options.switch:
        if word.partition(":")[0] not in SWITCHES:
            command.error(f"--switch knows {', '.join(SWITCHES)}; not '{word}'")
    if len(set(options.switch)) < len(options.switch):
        command.error("--switch names one switch twice")
    if options.ports:
        options.ports = options.ports.split(",")
        if len(options.ports) < 2:
            command.error("--ports needs two ports or more")
    if options.perf and shutil.which("perf") is None:
        command.error("--perf needs perf (Debian package linux-perf)")
    if options.switch_cpu in options.load_cpus and not options.ports:
        print(f"note: the load and the switch share processor {options.switch_cpu}", file=sys.stderr)
    return options
