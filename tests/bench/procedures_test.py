# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs the tests of rbbench against a fake switch with known limits."""
import argparse
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "bench"))

from measure import arguments  # noqa: E402
from measure.load import Trial  # noqa: E402
from measure.procedures import PROCEDURES, address_capacity, address_rate, back_to_back, congestion, loss, throughput  # noqa: E402
from measure.scene import Scene, flows_of  # noqa: E402


class FakeSwitch:
    """A switch with a given rate, queue length, number of stations and learning rate."""

    name = title = "fake"
    kind, pids, hosts, load_ports = "device", [], ["a", "b", "a", "b"], ["0", "1", "2", "3"]
    version, ports = "1", "none"

    def __init__(self, rate=1000.0, queue=100, stations=5000, learning=500.0):
        self.rate, self.queue, self.stations, self.learning = rate, queue, stations, learning
        self.known = set()

    def flush(self):
        self.known.clear()

    def pause(self):
        pass

    resume = pause


class FakeLoad:
    def __init__(self, switch):
        self.switch = switch

    def frames(self, flows, seconds, **_more):
        counted = bool(flows[0].get("count"))
        sent, refused, received = [], [], [0] * 4
        tried = [one.get("count") or (one.get("rate") or 10 * self.switch.rate) * seconds for one in flows]
        took = seconds
        if counted:
            rate = flows[0].get("rate") or 1e6
            took = sum(tried) / rate
        fits = self.switch.rate * took + self.switch.queue
        share = 1 if flows[0].get("retry") else min(1, fits / sum(tried))
        for one, count in zip(flows, tried):
            sent.append(round(count * share))
            refused.append(round(count) - sent[-1])
            self._deliver(one, sent[-1], received, took)
        window = {"seconds": took, "sent": sent, "refused": refused, "received": received, "machine_s": 0.1, "switch_s": 0.05,
                  "busy": 1.0}
        return Trial({"window": window, "total": window, "latency": None})

    def _deliver(self, one, count, received, took):
        switch = self.switch
        learns = min(one.get("stations", 1), max(1, int(switch.learning * took)) if count > 3 else 3)
        for number in range(learns):
            if len(switch.known) < switch.stations:
                switch.known.add((one["from"], one.get("first_station", 0) + number))
        to = one["to"] if isinstance(one["to"], list) else [one["to"]]
        for port in to:
            first, stations = one.get("to_first_station", 0), one.get("to_stations", 1)
            unknown = sum((port, first + number) not in switch.known for number in range(stations))
            received[port] += count // len(to)
            for other in range(4):
                if other not in (port, one["from"]):
                    received[other] += unknown


def scene_of(switch):
    scene = Scene.__new__(Scene)
    scene.switch, scene.load, scene.load_cpus = switch, FakeLoad(switch), [0]
    scene.name = scene.title = "fake"
    scene.polled, scene.port_count, scene._taught, scene._rates, scene.untaught = False, 4, None, {}, 0
    return scene


def options(**more):
    found = arguments.parse(["--suite", "quick", "--switch", "ringbridge"])
    return argparse.Namespace(**{**vars(found), "seconds": 0.5, "most_stations": 100_000, **more})


def value(procedure, switch):
    scene = scene_of(switch)
    return [case.sample(scene)["value"] for case in procedure.cases(options())]


class Searches(unittest.TestCase):
    def test_throughput_is_where_loss_begins(self):
        # In trials of half a second, a queue of ten frames hides a rate of some twenty frames a second.
        found, = value(throughput, FakeSwitch(rate=100_000, queue=10))
        self.assertGreater(found, 97_000)
        self.assertLess(found, 100_021)

    def test_longest_burst_is_what_the_queue_holds(self):
        found, = value(back_to_back, FakeSwitch(rate=1000, queue=300))
        self.assertGreater(found, 280)
        self.assertLess(found, 305)

    def test_address_capacity_is_found_to_a_few_per_cent(self):
        found, = value(address_capacity, FakeSwitch(rate=1e5, queue=1e6, stations=5000, learning=1e9))
        self.assertGreater(found, 4850)
        self.assertLessEqual(found, 5000)

    def test_address_capacity_ends_at_the_limit(self):
        self.assertEqual(value(address_capacity, FakeSwitch(rate=1e5, queue=1e6, stations=10**7, learning=1e9)), [100_000])

    def test_address_rate_is_where_some_stay_unknown(self):
        switch = FakeSwitch(rate=1e5, queue=1e6, stations=10**7, learning=20_000)
        found, = value(address_rate, switch)
        self.assertLessEqual(found, 20_000 * 1.01)
        self.assertGreater(found, 20_000 * 0.9)


class Loss(unittest.TestCase):
    def test_grows_with_what_is_offered(self):
        found = value(loss, FakeSwitch(rate=1000, queue=0))
        self.assertEqual(len(found), len(loss.SHARES))
        for share, lost in zip(loss.SHARES, found):
            self.assertAlmostEqual(lost, max(0, 1 - 1 / share), delta=0.02)


class Congestion(unittest.TestCase):
    def test_is_the_share_of_the_free_flow_that_arrived(self):
        # The offered load is twice the fake's rate. The fake takes the same share of every flow.
        found, = value(congestion, FakeSwitch(rate=1000, queue=0))
        self.assertAlmostEqual(found, 0.5, delta=0.05)


class Flows(unittest.TestCase):
    def test_pairs_take_every_port_once(self):
        ends = [(one["from"], one["to"]) for one in flows_of("pair", 8, 64)]
        self.assertEqual(ends, [(0, 1), (2, 3), (4, 5), (6, 7)])

    def test_a_mesh_reaches_all_others(self):
        for one in flows_of("mesh", 4, 64):
            self.assertEqual(sorted([one["from"], *one["to"]]), [0, 1, 2, 3])

    def test_stations_are_dealt_to_the_ports(self):
        flows = flows_of("pair", 4, 64, stations=100)
        self.assertEqual([(one["stations"], one["to_stations"]) for one in flows], [(25, 25)] * 2)


class Teaching(unittest.TestCase):
    def test_is_done_in_the_vlan_of_the_load(self):
        asked = []
        scene = scene_of(FakeSwitch())
        answer = scene.load.frames
        scene.load.frames = lambda flows, seconds, **more: asked.extend(flows) or answer(flows, seconds, **more)
        scene.teach(flows_of("pair", 2, 64, vlan=10))
        self.assertEqual([one["vlan"] for one in asked], [10, 10])

    def test_that_takes_too_long_is_told(self):
        scene = scene_of(FakeSwitch())
        answer = scene.load.frames

        def cut_short(flows, seconds, **more):
            trial = answer(flows, seconds, **more)
            trial.total["sent"] = [5]
            return trial

        scene.load.frames = cut_short
        scene.teach(flows_of("pair", 2, 64, stations=20))
        self.assertEqual(scene.untaught, 10)

    def test_makes_all_stations_known(self):
        switch = FakeSwitch(stations=10**6, learning=1e9)
        scene_of(switch).teach(flows_of("pair", 4, 64, stations=400))
        self.assertEqual(len(switch.known), 400)


class Cases(unittest.TestCase):
    def test_of_every_test_have_what_reports_need(self):
        everything = options(sizes=arguments.SIZES, stations=[2, 100], port_counts=[2, 4], vlans=[None, 10])
        for name, procedure in PROCEDURES.items():
            cases = list(procedure.cases(everything))
            self.assertEqual(bool(cases), name != "workers", name)
            for case in cases:
                self.assertIn(case.test, PROCEDURES)
                self.assertIn(case.better, ("more", "less", "none"))
            titles = [(case.title, str(case.described())) for case in cases]
            self.assertEqual(len(set(titles)), len(titles), f"{name} measures something twice")

    def test_vary_one_thing_at_a_time_and_ports_with_stations(self):
        base = {"size": 64, "stations": 2, "ports": 2, "pattern": "pair", "vlan": None}
        for case in PROCEDURES["rate"].cases(options(sizes=[64, 1518], stations=[2, 100], port_counts=[2, 8], vlans=[None, 10])):
            differences = {name for name in base if case.parameters[name] != base[name]}
            if differences == {"ports", "stations"}:
                continue
            self.assertLessEqual(len(differences - {"ports"} if "pattern" in differences else differences), 1, case.title)


if __name__ == "__main__":
    unittest.main()
