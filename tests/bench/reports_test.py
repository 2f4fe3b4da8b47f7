# SPDX-License-Identifier: GPL-2.0-or-later
"""Tests the reports of rbbench with plausible results of a run."""
import csv
import html.parser
import io
import json
import pathlib
import random
import re
import statistics
import sys
import tempfile
import unittest
import xml.etree.ElementTree

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "bench"))

from measure import csv_report, figures, html_report, outline, performance_page, svg_plot, text_report  # noqa: E402

DEVICE = {"ringbridge": 1.0, "linux-bridge": 0.68, "ovs": 0.45, "vde": 0.11, "pump": 1.03, "none": 2.1}
VHOST = {"ringbridge-vhost": 1.0, "ovs-dpdk": 0.6, "testpmd": 0.92}
TITLES = {"linux-bridge": "kernel bridge", "ovs": "Open vSwitch", "vde": "VDE", "pump": "bare pump", "none": "nothing between",
          "ringbridge-vhost": "ringbridge", "ovs-dpdk": "Open vSwitch-DPDK", "testpmd": "testpmd io"}
SIZES = [64, 128, 256, 512, 1024, 1280, 1518, 9000, "IMIX"]
SVG = "{http://www.w3.org/2000/svg}"


class FakeRun:
    """Plausible results, which are the same for the same seed."""

    def __init__(self, rounds=5, tests=None, groups=("device", "vhost"), seed=1):
        self.random, self.rounds, self.tests, self.groups = random.Random(seed), rounds, tests, groups
        self.measurements = []
        for group in groups:
            self.add_all(group, DEVICE if group == "device" else VHOST)
        names = {name: None for one in self.measurements for name in one["samples"]}
        self.document = {
            "program": "rbbench", "version": 1,
            "machine": {"cpus": 2, "model": "AMD EPYC 9004", "kernel": "6.18.5", "memory_mib": 7951,
                        "distribution": "Debian GNU/Linux 12 (bookworm)", "hypervisor": True},
            "began": "2026-03-02T10:11:12Z", "lasted_s": 2714.2, "command": "bench/rbbench --suite reference --json result.json",
            "rounds": rounds, "seconds": 0.5, "other_work": 0.02,
            "switches": [{"name": name, "title": TITLES.get(name, name), "version": "0.1.0" if name.startswith("ringbridge") else "3.1.0",
                          "ports": {"ringbridge": "tap", "pump": "tap"}.get(name, "vhost-user" if name in VHOST else "veth")}
                         for name in names],
            "skipped": [{"name": "vde2", "why": "not installed (Debian package vde2)"}],
            "notes": ["the generator alone makes 1.5 M frames/s"], "measurements": self.measurements}

    def near(self, value, spread=0.03):
        return value * self.random.gauss(1, spread)

    def add(self, test, title, unit, better, parameters, names, sample, rounds=None):
        if self.tests is not None and test not in self.tests:
            return
        samples = {name: [sample(name, share) for _ in range(rounds or self.rounds)] for name, share in names.items()}
        one = {"test": test, "title": title, "parameters": parameters, "unit": unit, "better": better, "samples": samples, "ratios": {}}
        (_, ours), *others = samples.items()
        for name, theirs in others:
            ratios = [a["value"] / b["value"] for a, b in zip(ours, theirs) if b["value"]]
            if len(ratios) == len(ours):
                low, median, high = statistics.quantiles(ratios, n=4, method="inclusive") if len(ratios) > 1 else ratios * 3
                one["ratios"][name] = {"median": median, "low": low, "high": high}
        self.measurements.append(one)

    def add_all(self, group, names):
        full = 7.2e5 if group == "device" else 2.2e7

        def described(**more):
            return {"size": None, "ports": 2, "stations": 2, "vlan": None, "pattern": "pair", **more, "group": group}

        def rate_of(share, size=64, stations=2, ports=2, pattern="pair"):
            octets = 340 if size == "IMIX" else size
            slow = 1 + (0 if group == "device" else octets / 1200) + octets / 20000 + 0.02 * len(str(stations)) + 0.0008 * ports
            return full * share / slow * {"pair": 1, "both": 0.8}.get(pattern, 0.9)

        def costs(rate, name):
            own = None if name in ("linux-bridge", "none") else self.near(0.93e9 / rate, 0.01)
            return {"machine_ns": self.near(1.6e9 / rate, 0.02), "switch_ns": own, "busy": 0.73 if group == "vhost" else None, "loss": 0.0}

        def rate(**shape):
            def sample(name, share):
                value = self.near(rate_of(share, **shape))
                return {"value": value, **costs(value, name)}
            return sample

        def add_rate(title, vlan=None, **shape):
            self.add("rate", f"forwarding rate, {title}", "frames/s", "more", described(**{"size": 64, **shape, "vlan": vlan}), names, rate(**shape))

        for size in SIZES:
            add_rate(size if size == "IMIX" else f"{size} octets, one way", size=size)
        for stations in (100, 10_000, 1_000_000):
            add_rate(f"64 octets, {stations} stations", stations=stations)
        for ports in (8, 64, 256) if group == "device" else (8,):
            add_rate(f"64 octets, {ports} ports", ports=ports)
        for pattern in ("both", "one_to_many", "many_to_one", "mesh"):
            add_rate(f"64 octets, {figures.PATTERNS[pattern]}", pattern=pattern, ports=2 if pattern == "both" else 8)
        add_rate("64 octets, one way, tagged with VLAN 10", vlan=10)
        for size in SIZES:
            self.add("throughput", f"throughput without loss, {size} octets", "frames/s", "more", described(size=size), names,
                     lambda name, share: {"value": 0.8 * self.near(rate_of(share, size)), **costs(rate_of(share, size), name)}, min(3, self.rounds))
        for size in (64, 1518):
            for load in (10_000, 0.5, 0.9):
                def latency(name, share, load=load):
                    base = self.near(18_000 if group == "device" else 5_000) / share ** 0.3 * (1 + (load if load <= 1 else 0))
                    return {"value": base * 2.4, "p50": base, "p90": base * 1.5, "p99": base * 2.4, "p999": base * 6,
                            "max": base * self.random.uniform(9, 60), "mean": base * 1.1, "samples": 90_000, "reordered": 0,
                            "load": load if load > 1 else load * rate_of(share)}
                words = f"{load} frames/s" if load > 1 else f"{load:.0%} of each switch's throughput"
                self.add("latency", f"latency, {size} octets, {words}", "ns", "less", described(size=size, load=load, broadcast=False),
                         names, latency)
        for share_offered in (0.25, 0.5, 0.75, 1, 1.25, 1.5):
            def loss(name, share, offered=share_offered):
                lost = max(0, 1 - share / offered) if offered > share else 0
                return {"value": min(1, self.near(lost)), "offered": offered * full, "not_offered": 0.0}
            self.add("loss", f"frame loss, 64 octets, {share_offered:g} of the first switch's rate offered", "share", "less",
                     described(size=64, load=share_offered), names, loss)
        self.add("back_to_back", "longest burst without loss, 64 octets", "frames", "more", described(size=64), names,
                 lambda name, share: {"value": round(self.near(40_000 * share)), "limit": 30_000 if share > 1 else 1_400_000})
        for ports in (2, 8, 64):
            self.add("broadcast", f"broadcast, 64 octets, {ports} ports", "copies/s", "more", described(size=64, pattern="broadcast", ports=ports),
                     names, lambda name, share: {"value": self.near(3 * full * share), **costs(3 * full * share, name)})
        self.add("address_capacity", "address caching capacity", "stations", "more", described(size=64, stations=None, ports=3), names,
                 lambda name, share: {"value": int(2_000_000 * min(1, share)), "limit": 2_000_000}, 1)
        self.add("address_rate", "address learning rate, 8000 stations", "stations/s", "more", described(size=64, stations=8000, ports=3),
                 names, lambda name, share: {"value": self.near(0.6 * full * share), "limit": 9e7})
        if group == "device":
            for kind, wanted in (("runt of 63 octets", None), ("from a group address", "dropped"), ("to itself", "dropped"),
                                 ("tagged twice", "forwarded")):
                self.add("errored", f"errored frames: {kind}", "share forwarded", "none", described(kind=kind, wanted=wanted), names,
                         lambda name, share, wanted=wanted: {"value": float(wanted == "forwarded" or share < 0.2)}, 1)
            for streams in (1, 4, 16):
                self.add("tcp", f"TCP, {streams} stream{'s' if streams > 1 else ''}", "octets/s", "more", described(streams=streams), names,
                         lambda name, share: {"value": self.near(2.3e9 * (0.9 if share > 0.5 else 0.1)), "machine_ns": 0.7, "switch_ns": 0.4})
        self.add("congestion", "frames to a free port beside an overloaded one, 64 octets", "share", "more", described(size=64, ports=4),
                 names, lambda name, share: {"value": min(1.0, self.near(0.6 + 0.4 * min(share, 1))), "overloaded": 0.3})
        self.add("pressure", "forwarding rate under pressure of 3 senders, 64 octets", "frames/s", "more",
                 described(size=64, ports=4, pattern="many_to_one"), names,
                 lambda name, share: {"value": self.near(full * share * 0.9), "offered": full * 1.1, "refused": full,
                                      "refused_share": 0.47,
                                      **costs(full * share, name), "loss": 0.12})
        self.add("idle", "idle", "processors", "less", described(pattern=None), names,
                 lambda name, share: {"value": 1.0 if name in ("ovs-dpdk", "testpmd") else 0.0}, 1)


class Reader(html.parser.HTMLParser):
    """Reports elements that do not match, and keeps identifiers, links and text."""

    EMPTY = {"meta", "br"}

    def __init__(self, text):
        super().__init__()
        self.open, self.identifiers, self.links, self.words, self.elements = [], [], [], [], []
        self.feed(text)
        self.close()
        if self.open:
            raise AssertionError(f"never closed: {self.open}")

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.elements.append((tag, attributes))
        self.identifiers += [attributes["id"]] if "id" in attributes else []
        self.links += [attributes["href"]] if "href" in attributes else []
        if tag not in self.EMPTY:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            raise AssertionError(f"</{tag}> closes nothing at {self.getpos()}")

    def handle_data(self, data):
        self.words.append(data)

    @property
    def text(self):
        return " ".join(self.words)


def svgs_of(text):
    return re.findall(r"<svg\b.*?</svg>", text, re.DOTALL)


def places_of_marks(svg):
    for element in svg.iter(f"{SVG}g"):
        match = re.fullmatch(r"translate\(([-\d.]+) ([-\d.]+)\)", element.get("transform", ""))
        if match:
            yield float(match[1]), float(match[2])


class SvgPlot(unittest.TestCase):
    def axis(self, **more):
        return svg_plot.Axis("", **more)

    def test_linear_scales_cover_the_data_from_zero(self):
        for values in ([3], [0.001, 0.0017], [0, 0], [1e6, 7.77e6], [17, 99.9], [-3, 5]):
            scale = svg_plot.Scale(self.axis(), values, 300, 20)
            self.assertLessEqual(scale.low, min(0, *values))
            self.assertGreaterEqual(scale.high, max(values))
            self.assertIn(0, scale.ticks())
            self.assertTrue(all(20 - 1e-6 <= scale.place(value) <= 300 + 1e-6 for value in values + scale.ticks()))

    def test_log_scales_cover_the_data(self):
        for values in ([3], [0.0012, 4e7], [1, 10], [999, 1001], [0, 5]):
            scale = svg_plot.Scale(self.axis(kind="log"), values, 0, 100)
            self.assertLessEqual(scale.low, min(value for value in values if value))
            self.assertGreaterEqual(scale.high, max(values))
            self.assertGreaterEqual(len(scale.ticks()), 1)
            self.assertTrue(all(-1e-6 <= scale.place(value) <= 100 + 1e-6 for value in values))

    def test_values_without_a_number_stand_beside_the_others(self):
        scale = svg_plot.Scale(self.axis(kind="log", ticks=[64, 1518], beside=["IMIX"]), [64, 1518, "IMIX"], 0, 400)
        self.assertEqual(scale.place("IMIX"), 400)
        self.assertLess(scale.place(1518), 400 - 20)
        self.assertTrue(0 < svg_plot.Scale(self.axis(beside=["IMIX"]), ["IMIX"], 0, 400).place("IMIX") < 400)

    def test_labels_that_would_touch_are_moved_apart(self):
        places = svg_plot._apart([100, 101, 102, 300, 299], 15, 20, 310)
        self.assertEqual(sorted(range(5), key=lambda index: places[index]), [0, 1, 2, 4, 3])
        ordered = sorted(places)
        self.assertTrue(all(b - a >= 15 - 1e-6 for a, b in zip(ordered, ordered[1:])))
        self.assertTrue(20 <= ordered[0] and ordered[-1] <= 310)

    def test_bars_begin_at_zero_and_are_as_high_as_what_they_show(self):
        series = [svg_plot.Series("a", [svg_plot.Point("x", 10), svg_plot.Point("y", 5)], ("#111111", "#eeeeee"))]
        text = svg_plot.grouped_bars("p", "t", ["x", "y"], series, self.axis(), standalone=True)
        bars = [element for element in xml.etree.ElementTree.fromstring(text).iter(f"{SVG}rect")
                if element.get("class") == "bar" and element.get("rx") is None]
        heights = [float(bar.get("height")) for bar in bars]
        self.assertAlmostEqual(heights[0], 2 * heights[1], delta=0.2)
        ends = {round(float(bar.get("y")) + float(bar.get("height")), 0) for bar in bars}
        self.assertEqual(len(ends), 1)

    def test_texts_are_escaped_and_wrapped(self):
        series = [svg_plot.Series("<b>&\x07", [svg_plot.Point(1, 1, 0.5, 2, "\"'")], ("#111111", "#eeeeee"))]
        text = svg_plot.line_plot("p", "<script>" + " long" * 60, series, self.axis(), self.axis(), "]]>", width=344, standalone=True)
        root = xml.etree.ElementTree.fromstring(text)
        self.assertNotIn("<script", text)
        self.assertEqual(root.find(f"{SVG}desc").text, "]]>")
        self.assertGreater(len([element for element in root.iter(f"{SVG}text") if element.get("class") == "title"]), 2)


class Figures(unittest.TestCase):
    def test_units_are_those_a_person_reads(self):
        for unit, values, shown in (("frames/s", [7.12e5, 4.82e5], "712 k frames/s"), ("frames/s", [2.2e7, 1e6], "22.0 M frames/s"),
                                    ("octets/s", [2.3e9], "18.4 Gbit/s"), ("ns", [15_300], "15.3 µs"), ("ns", [1.3e6], "1.30 ms"),
                                    ("share", [0.125], "12.5 %"), ("stations", [1234567], "1,234,567 stations"),
                                    ("processors", [0], "0.00 processors"), ("frames/s", [0], "0 frames/s")):
            scale = figures.scale_for(unit, values)
            self.assertEqual(f"{figures.number(values[0], scale)} {scale.unit}", shown)

    def test_verdicts_need_quartiles_on_one_side(self):
        self.assertEqual(figures.verdict(figures.Spread(1.4, 1.3, 1.5), "more"), "better")
        self.assertEqual(figures.verdict(figures.Spread(1.4, 1.3, 1.5), "less"), "worse")
        self.assertEqual(figures.verdict(figures.Spread(1.4, 0.9, 1.5), "more"), "same")
        self.assertEqual(figures.verdict(figures.Spread(0.8, None, None), "less"), "better")
        self.assertIsNone(figures.verdict(figures.Spread(0.8, None, None), "none"))

    def test_ratios_have_digits_that_count(self):
        shown = {1.424: "1.42", 0.05: "0.050", 0.00123: "0.0012", 12.36: "12.4", 123.4: "123", 0.974: "0.97", 1: "1.00", 0: "0"}
        self.assertEqual({value: figures.ratio_number(value) for value in shown}, shown)

    def test_one_look_for_each_switch(self):
        switches = figures.Switches(FakeRun().document)
        device = [switches.looks[name] for name in DEVICE]
        self.assertEqual(len({(look.colour, look.mark) for look in device}), len(DEVICE))


class Html(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.document = FakeRun().document
        cls.text = html_report.report(cls.document)
        cls.reader = Reader(cls.text)

    def test_plots_are_well_formed_and_named(self):
        plots = svgs_of(self.text)
        self.assertGreater(len(plots), 40)
        for text in plots:
            svg = xml.etree.ElementTree.fromstring(text)
            names = svg.get("aria-labelledby").split()
            self.assertEqual([svg.find(f"{SVG}title").get("id"), svg.find(f"{SVG}desc").get("id")], names)
            self.assertTrue(svg.find(f"{SVG}title").text and svg.find(f"{SVG}desc").text)

    def test_all_marks_and_bars_are_within_their_plots(self):
        for text in svgs_of(self.text):
            svg = xml.etree.ElementTree.fromstring(text)
            width, height = map(float, svg.get("viewBox").split()[2:])
            for x, y in places_of_marks(svg):
                self.assertTrue(0 < x < width and 0 < y < height, svg.find(f"{SVG}title").text)
            for bar in svg.iter(f"{SVG}rect"):
                if bar.get("class") == "bar":
                    self.assertGreaterEqual(float(bar.get("y")), 0)

    def test_identifiers_are_unique_and_links_lead_somewhere(self):
        self.assertEqual(len(self.reader.identifiers), len(set(self.reader.identifiers)))
        for link in self.reader.links:
            self.assertTrue(link.startswith("#") and link[1:] in self.reader.identifiers, link)

    def test_it_needs_nothing_else(self):
        self.assertNotIn("<script", self.text)
        self.assertNotIn("@import", self.text)
        self.assertFalse([one for one in self.reader.elements if "src" in one[1] or one[0] == "link"])
        self.assertEqual(set(re.findall(r"https?://[^\s\"'<]+", self.text)), {"http://www.w3.org/2000/svg"})

    def test_every_measurement_appears_in_a_table(self):
        numbers = {f"m{index}" for index in range(len(self.document["measurements"]))}
        self.assertEqual({one for one in self.reader.identifiers if re.fullmatch(r"m\d+", one)}, numbers)

    def test_every_plot_that_is_promised_is_there_with_all_peers(self):
        for title, names in (("Rate by frame size, one way, hosts", DEVICE), ("Latency, 64 octets, 50% of each switch's throughput, hosts", DEVICE),
                             ("Rate by number of stations, 64 octets, one way, hosts", DEVICE),
                             ("The whole machine's processor time for a frame, 64 octets, one way, hosts", DEVICE),
                             ("TCP by number of streams", DEVICE), ("Frame loss by offered load, 64 octets, one way, guests", VHOST)):
            plots = [text for text in svgs_of(self.text)
                     if xml.etree.ElementTree.fromstring(text).find(f"{SVG}title").text.startswith(title)]
            self.assertTrue(plots, title)
            for text in plots:
                drawn = [element.text for element in xml.etree.ElementTree.fromstring(text).iter(f"{SVG}text") if element.get("class") == "label"]
                for name in names:
                    self.assertIn(TITLES.get(name, name), drawn)

    def test_ratios_are_those_of_the_samples(self):
        one = self.document["measurements"][0]
        ratios = [a["value"] / b["value"] for a, b in zip(one["samples"]["ringbridge"], one["samples"]["linux-bridge"])]
        low, median, high = statistics.quantiles(ratios, n=4, method="inclusive")
        section = self.text[self.text.index('<section id="rate-by-frame-size"'):]
        row = re.search(r'<tr><th scope="row">64</th>(.*?)</tr>', section)[1]
        self.assertIn(f'<span class="value">{median:.2f}</span>', row.split("</td>")[0])
        self.assertIn(f"<small>{low:.2f} to {high:.2f}</small>", row.split("</td>")[0])

    def test_medians_are_those_of_the_samples(self):
        median = statistics.median(sample["value"] for sample in self.document["measurements"][0]["samples"]["ringbridge"])
        row = re.search(r'<tr id="m0">(.*?)</tr>', self.text)[1]
        self.assertIn(f'<span class="value">{median / 1e6:.3f}</span>', row)

    def test_names_are_escaped(self):
        evil = "<script>alert('x')</script>&\"\x00|`"
        text = json.dumps(self.document).replace("kernel bridge", json.dumps(evil)[1:-1])
        document = json.loads(text)
        document["notes"].append(evil)
        document["machine"]["model"] = document["command"] = document["skipped"][0]["why"] = evil
        for one in document["measurements"]:
            one["title"] += evil
            one["parameters"]["pattern"] = one["parameters"]["pattern"] and evil
        made = html_report.report(document)
        Reader(made)
        self.assertFalse("<script" in made)
        for plot in svgs_of(made):
            xml.etree.ElementTree.fromstring(plot)
        page, plots = performance_page.generated(document)
        text = "\n".join(line for line in page.splitlines() if not line.startswith("    "))
        self.assertFalse("<script" in text or "\0" in page)
        list(map(xml.etree.ElementTree.fromstring, plots.values()))


class LessThanAll(unittest.TestCase):
    """Tests documents with missing parts."""

    def reports(self, document):
        made = html_report.report(document)
        Reader(made)
        for plot in svgs_of(made):
            xml.etree.ElementTree.fromstring(plot)
        page, plots = performance_page.generated(document)
        for plot in plots.values():
            xml.etree.ElementTree.fromstring(plot)
        return made, page, text_report.report(document), csv_report.report(document)

    def test_each_test_alone(self):
        tests = list(dict.fromkeys(one["test"] for one in FakeRun().measurements))
        self.assertEqual(len(tests), 13)
        for test in tests:
            for rounds in (1, 2):
                with self.subTest(test=test, rounds=rounds):
                    document = FakeRun(rounds, [test]).document
                    made = self.reports(document)[0]
                    self.assertEqual(set(re.findall(r'id="(m\d+)"', made)), {f"m{index}" for index in range(len(document["measurements"]))})

    def test_nothing_measured(self):
        self.reports({"program": "rbbench", "version": 1, "measurements": []})
        self.reports({**FakeRun(tests=[]).document, "other_work": None})

    def test_one_switch(self):
        document = FakeRun(tests=["rate", "latency", "idle", "errored"]).document
        for one in document["measurements"]:
            one["samples"] = dict([next(iter(one["samples"].items()))])
            one["ratios"] = {}
        made, page, _, _ = self.reports(document)
        self.assertNotIn('id="ratios"', made)
        self.assertNotIn(" over each other", page)

    def test_switches_that_lack_measurements_and_samples_without_values(self):
        document = FakeRun().document
        for number, one in enumerate(document["measurements"]):
            if number % 3 == 0:
                one["samples"].pop("linux-bridge", None)
                one["ratios"].pop("linux-bridge", None)
            if number % 5 == 0:
                for samples in one["samples"].values():
                    samples[0] = {"value": None}
            if number % 7 == 0:
                one["samples"] = {name: [] for name in one["samples"]}
                one["ratios"] = {}
            if number % 4 == 0:
                del one["ratios"]
            if number % 11 == 0:
                for samples in one["samples"].values():
                    for sample in samples:
                        sample["value"] = 0.0
        made = self.reports(document)[0]
        self.assertEqual(len(set(re.findall(r'id="(m\d+)"', made))), len(document["measurements"]))

    def test_a_test_of_which_the_reports_know_nothing(self):
        document = FakeRun(tests=["rate"]).document
        document["measurements"].append({"test": "moon", "title": "phase of the moon", "parameters": {"phase": 3, "group": "device"},
                                         "unit": "degrees", "better": "none", "samples": {"ringbridge": [{"value": 12.5}]}, "ratios": {}})
        for text in self.reports(document):
            self.assertIn("phase of the moon", text)

    def test_one_round_has_no_spread(self):
        document = FakeRun(rounds=1).document
        made, page, text, _ = self.reports(document)
        self.assertIsNone(re.search(r"\d to \d", Reader(made).text))
        self.assertIsNone(re.search(r"\[[\d.]+ to", page))
        self.assertIsNone(re.search(r"\[[\d.]+ to", text))


class Csv(unittest.TestCase):
    def test_round_trips(self):
        document = FakeRun().document
        document["measurements"][0]["title"] = 'a, "b"\nc'
        rows = list(csv.DictReader(io.StringIO(csv_report.report(document))))
        expected = [(one, name, sample) for one in document["measurements"] for name, samples in one["samples"].items() for sample in samples]
        self.assertEqual(len(rows), len(expected))
        for row, (one, name, sample) in zip(rows, expected):
            self.assertEqual((row["test"], row["title"], row["switch"], row["unit"], row["better"]),
                             (one["test"], one["title"], name, one["unit"], one["better"]))
            for prefix, values in (("parameter_", one["parameters"]), ("", sample)):
                for key, value in values.items():
                    cell = row[prefix + key]
                    self.assertEqual(None if cell == "" else cell if isinstance(value, str) else json.loads(cell), value)
        self.assertEqual([row["round"] for row in rows[:5]], ["1", "2", "3", "4", "5"])


class Text(unittest.TestCase):
    def test_ratios_come_first(self):
        document = FakeRun().document
        one = document["measurements"][0]
        lines = text_report.measurement(one, document).splitlines()
        ratio = one["ratios"]["linux-bridge"]
        self.assertEqual(lines[1], one["title"])
        self.assertRegex(lines[2], rf"^  ringbridge / kernel bridge +{ratio['median']:.2f} \[{ratio['low']:.2f} to {ratio['high']:.2f}\]$")
        self.assertRegex(lines[7], r"^    ringbridge .*frames/s \[[\d.]+ to [\d.]+\], machine [\d.]+ us a frame, of which the switch [\d.]+$")

    def test_everything_is_printable(self):
        document = FakeRun().document
        document["switches"][1]["title"] = "bad\x1b[31m"
        text = text_report.report(document)
        self.assertNotIn("\x1b", text)
        for one in document["measurements"]:
            self.assertIn(one["title"], text)


class Progress(unittest.TestCase):
    def test_a_file_gets_only_what_stays(self):
        document, stream = FakeRun(tests=["tcp"]).document, io.StringIO()
        progress = text_report.Progress(stream)
        progress.line("first")
        progress.begin(2)
        progress.building("ovs", 2)
        progress.measuring("TCP, 1 stream", "VDE", 1, 5)
        progress.measured(document["measurements"][0], document["switches"])
        self.assertEqual(stream.getvalue(), f"first\n{text_report.measurement(document['measurements'][0], document)}\n")

    def test_a_terminal_is_told_what_goes_on(self):
        class Terminal(io.StringIO):
            def isatty(self):
                return True

            def fileno(self):
                raise OSError

        stream = Terminal()
        progress = text_report.Progress(stream)
        progress.begin(5)
        for case in range(5):
            for round_ in (1, 2):
                progress.measuring(f"case {case}", "VDE", round_, 2)
        self.assertIn("[1 of 5] case 0: VDE, round 1 of 2", stream.getvalue())
        self.assertRegex(stream.getvalue(), r"\[5 of 5, \d+ s left\] case 4: VDE, round 2 of 2$")


class PerformancePage(unittest.TestCase):
    HAND = ("# Performance\n\nBy hand.\n\n<!-- measured: begin, by bench/rbbench --page; what stands here is replaced -->\nold\n"
            "<!-- measured: end -->\n\n## What was tried\n\nA lot.\n")

    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.page = pathlib.Path(directory.name) / "performance.md"
        self.page.write_text(self.HAND)
        self.document = FakeRun().document

    def files(self):
        return {path.relative_to(self.page.parent): path.read_text() for path in self.page.parent.rglob("*") if path.is_file()}

    def test_keeps_what_was_written_by_hand(self):
        performance_page.write(self.document, self.page)
        text = self.page.read_text()
        self.assertTrue(text.startswith(self.HAND.partition("old")[0]))
        self.assertTrue(text.endswith(self.HAND.partition("old\n")[2]))
        self.assertNotIn("\nold\n", text)
        self.assertIn("\n    bench/rbbench --suite reference --json result.json\n", text)

    def test_is_the_same_when_written_again(self):
        performance_page.write(self.document, self.page)
        before = self.files()
        performance_page.write(self.document, self.page)
        self.assertEqual(self.files(), before)

    def test_links_lead_to_plots_and_no_plot_is_left_over(self):
        (self.page.parent / "performance").mkdir()
        (self.page.parent / "performance/by-hand.svg").write_text("<svg/>")
        (self.page.parent / "performance/old.svg").write_text(performance_page.MADE_BY + "<svg/>")
        performance_page.write(self.document, self.page)
        links = set(re.findall(r"\]\(([^)]*)\)", self.page.read_text()))
        plots = {f"performance/{path.name}" for path in (self.page.parent / "performance").iterdir()}
        self.assertEqual(plots, links | {"performance/by-hand.svg"})
        for link in links:
            xml.etree.ElementTree.parse(self.page.parent / link)

    def test_tables_have_as_many_cells_in_each_row(self):
        document = json.loads(json.dumps(self.document).replace("kernel bridge", "a|b"))
        page, _ = performance_page.generated(document)
        widths = []
        for line in page.splitlines():
            if line.startswith("|"):
                widths.append(len(re.findall(r"(?<!\\)\|", line)))
            elif widths:
                self.assertEqual(len(set(widths)), 1)
                widths = []

    def test_a_page_without_marks_is_left_alone(self):
        for text in ("# no marks\n", self.HAND * 2, "<!-- measured: end -->\n<!-- measured: begin -->\n"):
            self.page.write_text(text)
            with self.assertRaises(SystemExit):
                performance_page.write(self.document, self.page)
            self.assertEqual(self.files(), {pathlib.Path("performance.md"): text})

    def test_ratios_and_figures_are_those_of_the_samples(self):
        page, _ = performance_page.generated(self.document)
        ratio = self.document["measurements"][0]["ratios"]["linux-bridge"]
        self.assertIn(f"| 64 | **{ratio['median']:.2f}** [{ratio['low']:.2f} to {ratio['high']:.2f}]", page)


class Sections(unittest.TestCase):
    def test_titles_are_unique(self):
        sections = outline.Outline(FakeRun().document).sections()
        self.assertEqual(len({section.slug for section in sections}), len(sections))


if __name__ == "__main__":
    unittest.main()
