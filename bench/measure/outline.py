# SPDX-License-Identifier: GPL-2.0-or-later
"""The contents of a report in any format: sections of plots and tables, made from a document of results.

A section begins with ratios, then shows plots, then figures. Every measurement is at least in a table: measurements without a
plot are listed at the end of their test's section, and each test that is not in SECTIONS has a section of its own.
"""
import collections
import dataclasses
import json
import re

from . import svg_plot
from .figures import (GROUPS, PATTERNS, Scale, Switches, circumstances, cost_ratio, number, range_words, ratio_number,
                      ratios_of, samples_of, scale_for, short_count, spread_of, subject_of, verdict)

# A cell of a table: a figure, its spread, more lines below it, and a verdict for or against the first switch.
Cell = collections.namedtuple("Cell", "text spread more verdict", defaults=("", (), None))
EMPTY = Cell("–")


@dataclasses.dataclass
class Column:
    title: str
    switch: str | None = None  # the switch of these figures


@dataclasses.dataclass
class TableRow:
    label: str
    cells: list
    measurement: int | None = None  # its number in the document
    is_strong: bool = False


@dataclasses.dataclass
class Table:
    kind: str  # "ratios" or "figures"
    caption: str
    corner: str  # heading of the first column
    columns: list
    groups: list  # [(heading or None, [TableRow])]
    subject: str | None = None  # the switch that is compared with the others


@dataclasses.dataclass
class Plot:
    slug: str
    title: str
    # (identifier, width, is_alone) -> text of an SVG; if alone, it includes the words that a page would have around it
    draw: collections.abc.Callable
    is_main: bool = True  # the plot also belongs into a short report


@dataclasses.dataclass
class Block:
    heading: str
    ratios: list = dataclasses.field(default_factory=list)
    plots: list = dataclasses.field(default_factory=list)
    tables: list = dataclasses.field(default_factory=list)


@dataclasses.dataclass
class Section:
    slug: str
    title: str
    lead: str
    blocks: list


# The sections of a report: test, axis of the plots, title, lead.
SECTIONS = [
    ("rate", "size", "Rate by frame size",
     "The figures are the frames a second that come out of the switch while the generator sends as fast as it can (RFC 2889 5.4)."),
    ("throughput", "size", "Throughput without loss",
     "The figures are the greatest rates without loss (RFC 2544 26.1), found by halving."),
    ("latency", "percentile", "Latency",
     "The latency is the time from when a frame was due at the generator to its arrival (RFC 2544 26.2). The ratios compare the "
     "99th percentile."),
    ("tcp", "streams", "TCP by number of streams",
     "The figures count the data that the receiving host has taken in, with the offloads of the devices: large segments cross whole "
     "if a switch supports this."),
    ("rate", "stations", "Rate by number of stations",
     "The frames have so many source and destination addresses in turn, and the switch has learned all of them before. This shows "
     "the cost of the address table."),
    ("rate", "ports", "Cost of a frame by number of ports",
     "The figures are the processor time for a frame that comes out, with so many ports: the time of the whole machine, and the part "
     "of the switch's own process. A bridge in the kernel has no process; it works on the sender's processor."),
    ("rate", None, "Rate by traffic pattern, and with VLANs",
     "The patterns are one way from port to port, both ways, from one port to many and from many to one (RFC 2889 5.2), and from "
     "every port to every other (5.1)."),
    ("loss", "load", "Frame loss by offered load",
     "The figures are the share of the offered frames that did not arrive (RFC 2544 26.3). A virtual port has no line rate, so the "
     "load is given in multiples of the first switch's rate. Frames that a port did not take count as lost."),
    ("back_to_back", None, "Back-to-back frames",
     "The figures are the longest bursts, as fast as the generator can send, without loss (RFC 2544 26.4)."),
    ("broadcast", None, "Broadcast", "The figures are the copies a second that come out of all other ports together (RFC 2889 5.10)."),
    ("address_capacity", None, "Address caching capacity",
     "The figures are the numbers of stations that a switch knows at once, so that it floods frames to none of them (RFC 2889 5.7)."),
    ("address_rate", None, "Address learning rate",
     "The figures are the rates at which new stations may come if the switch must learn all of them (RFC 2889 5.8)."),
    ("errored", None, "Errored frames",
     "The table shows which frames with errors a switch forwards (RFC 2889 5.9). The test uses only errors that are possible on a "
     "virtual port, which has no FCS."),
    ("congestion", None, "Congestion",
     "The figures are the share of frames to a free port that arrive while the same senders overload another port (RFC 2889 5.5). A "
     "share below 100 % shows head-of-line blocking."),
    ("pressure", None, "Forward pressure",
     "The figures are the forwarding rate under more load than the switch can carry (RFC 2889 5.6). The other frames are refused at "
     "the port, which the sender notices, or lost inside the switch."),
    ("idle", None, "Idle", "The figures are the processors that the switch takes while nobody sends."),
]
AXES = {"size": "frame size, octets (FCS included)", "stations": "stations", "ports": "ports", "streams": "streams",
        "load": "offered load, multiples of the first switch's rate"}
CORNERS = {"size": "frame size", "stations": "stations", "ports": "ports", "streams": "streams", "load": "offered load",
           "offered": "offered load"}
PERCENTILES = {"p50": (2, "50 %"), "p90": (10, "90 %"), "p99": (100, "99 %"), "p999": (1000, "99.9 %")}
MACHINE_COST = "The whole machine's processor time"
MOST_LATENCY_PLOTS = 6
MAIN_LOAD = 0.5  # load of the latency plot, if only one is shown
LINEAR_REACH = 8  # costs that differ by more have a logarithmic axis: near zero they would look alike
NULL_RUN = "none"  # two hosts without a switch: this run shows the limits of the generator, and is no peer
HEADLINE_SIZES = (64, 1518, "IMIX")
HEADLINES = ("rate", "throughput", "tcp", "broadcast", "address_capacity", "address_rate", "latency")


def slug_of(text):
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:80].strip("-") or "x"


def sort_key(value):
    return (isinstance(value, str), value if isinstance(value, (int, float)) else 0, str(value))


class Outline:
    """Makes the sections of a report from one document."""

    def __init__(self, document):
        self.document = document
        self.switches = Switches(document)
        self.measurements = document.get("measurements", [])
        self.number_of = {id(measurement): index for index, measurement in enumerate(self.measurements)}
        self._slugs = set()
        self._tabled = set()

    # Groups of measurements that belong together.

    def groups(self):
        """Returns the kinds of ports in the document, in its order."""
        return list(dict.fromkeys(measurement["parameters"].get("group") for measurement in self.measurements))

    def families(self, test, axis):
        """Returns lists of at least two measurements that differ only in one parameter, in its order."""
        found = {}
        for measurement in self.measurements:
            parameters = measurement["parameters"]
            if measurement["test"] == test and parameters.get(axis) is not None and self.has_figures(measurement):
                others = {name: value for name, value in parameters.items() if name not in (axis, "offered")}
                found.setdefault(json.dumps([others, measurement["unit"]], sort_keys=True), []).append(measurement)
        families = [sorted(family, key=lambda one: sort_key(one["parameters"][axis])) for family in found.values()]
        return [family for family in families if len({str(one["parameters"][axis]) for one in family}) > 1]

    @staticmethod
    def has_figures(measurement):
        return any(samples_of(measurement, name) for name in measurement["samples"])

    def names_in(self, measurements):
        return self.switches.in_order({name for measurement in measurements for name in measurement["samples"]})

    def subject_in(self, measurements):
        return next((subject_of(measurement) for measurement in measurements if measurement["samples"]), None)

    def family_words(self, family, axis):
        """Returns the common parameters in words; the kind of ports only if the document has several."""
        return circumstances(family[0]["parameters"], without={axis, "offered", *(() if len(self.groups()) > 1 else ("group",))})

    def headlines(self):
        """Returns {group: measurements} with the measurements for the overview."""
        result = {}
        for group in self.groups():
            chosen = []
            for test in HEADLINES:
                of_test = [one for one in self.measurements if one["test"] == test and one["parameters"].get("group") == group
                           and ratios_of(one)]
                usual = [one for one in of_test if self.is_usual(one, of_test)]
                of_size = [one for one in usual if one["parameters"].get("size") in (None, *HEADLINE_SIZES)] or usual[:1]
                chosen += of_size[-1:] if test == "broadcast" else of_size
            if chosen:
                result[group] = chosen
        return result

    @staticmethod
    def is_usual(one, others):
        """True if a measurement has no VLAN and no unusual pattern, and for rates also the smallest number of ports and stations."""
        parameters = one["parameters"]
        if parameters.get("vlan") is not None or parameters.get("broadcast"):
            return False
        if parameters.get("pattern") not in (None, "pair", "broadcast"):
            return False
        if one["test"] != "rate":
            return True
        return all(parameters.get(name) is None or parameters[name] <= (other["parameters"].get(name) or parameters[name])
                   for name in ("ports", "stations") for other in others)

    # Series of plots.

    def series(self, names, subject, point_of, keys):
        """Returns a series for each switch, with the points of point_of(name, key)."""
        made = []
        for name in names:
            look = self.switches.looks[name]
            points = [point for key in keys for point in [point_of(name, key)] if point is not None]
            made.append(svg_plot.Series(self.switches.title(name), points, look.colour, look.mark, name == subject,
                                        look.is_reference))
        return made

    def unit_scale(self, measurements, names, key="value", unit=None):
        values = [figure.median for measurement in measurements for name in names
                  for figure in [spread_of(measurement, name, key)] if figure is not None]
        return scale_for(unit or measurements[0]["unit"], values)

    @staticmethod
    def point(x, figure, scale, words=""):
        if figure is None:
            return None
        low, high = (None, None) if figure.low is None else (figure.low * scale.factor, figure.high * scale.factor)
        spread = range_words(figure, lambda value: number(value, scale))
        told = f"{words}: {number(figure.median, scale)} {scale.unit}" + (f" [{spread}]" if spread else "")
        return svg_plot.Point(x, figure.median * scale.factor, low, high, told)

    def group_word(self, measurements):
        return str(measurements[0]["parameters"].get("group") or "") if len(self.groups()) > 1 else ""

    def slug(self, *words):
        """Returns a unique name for a plot."""
        base = name = slug_of(" ".join(word for word in words if word))
        count = 1
        while name in self._slugs:
            count += 1
            name = f"{base}-{count}"
        self._slugs.add(name)
        return name

    def described(self, series, what):
        """Describes a plot in words, for readers who cannot see it."""
        lines = [f"{one.label}: {'; '.join(point.words for point in one.points)}." for one in series if one.points]
        return " ".join([f"{what}.", *lines])

    def family_plot(self, family, axis, title, key="value", unit=None, is_main=True):
        """Returns a plot with a line for each switch over one parameter."""
        names, subject = self.names_in(family), self.subject_in(family)
        scale = self.unit_scale(family, names, key, unit)
        values = list(dict.fromkeys(measurement["parameters"][axis] for measurement in family))
        by_value = {measurement["parameters"][axis]: measurement for measurement in family}
        series = self.series(names, subject, lambda name, value: self.point(
            value, spread_of(by_value[value], name, key), scale, self.axis_words(axis, value)), values)
        if not any(one.points for one in series):
            return None
        linear = axis in ("load", "offered")
        beside = [value for value in values if isinstance(value, str)]
        x_axis = svg_plot.Axis(AXES.get(axis, axis), "linear" if linear else "log",
                               short_count if axis == "stations" else "{:g}".format,
                               [value for value in values if value not in beside], beside, max(values) if linear else None)
        heights = [point.y for one in series for point in one.points]
        is_log = key.endswith("_ns") and min(heights) > 0 and max(heights) > LINEAR_REACH * min(heights)
        y_axis = svg_plot.Axis(f"{scale.unit}{', logarithmic' if is_log else ''}; {self.spread_words(family)}",
                               "log" if is_log else "linear", "{:,g}".format,
                               end=100 if scale.unit == "%" and self.reaches(series, 60) else None)
        words = self.family_words(family, axis)
        full = f"{title}, {words}" if words else title

        def draw(identifier, width, is_alone):
            return svg_plot.line_plot(identifier, full, series, x_axis, y_axis, self.described(series, full), width,
                                      standalone=is_alone, heading=None if is_alone else title)
        what = {"value": family[0]["test"], "machine_ns": "cost", "switch_ns": "own-cost"}.get(key, f"{family[0]['test']}-{key}")
        return Plot(self.slug(what, "by", axis, self.group_word(family)), full, draw, is_main)

    @staticmethod
    def reaches(series, share):
        return any(point.y > share for one in series for point in one.points)

    @staticmethod
    def spread_words(measurements):
        many = any(len(samples) > 1 for measurement in measurements for samples in measurement["samples"].values())
        return "medians and quartiles" if many else "one round"

    @staticmethod
    def axis_words(axis, value):
        if isinstance(value, str):
            return value
        if axis in ("load", "offered"):
            return f"{value:g} offered"
        word = {"size": "octets"}.get(axis, axis)
        return f"{value:,} {word}"

    def latency_plot(self, measurement, suffix):
        """Returns a plot with a line for each switch over percentiles, on an axis by the number of nines."""
        short = measurement["title"][:1].upper() + measurement["title"][1:]
        title = short + suffix
        names, subject = self.names_in([measurement]), subject_of(measurement)
        keys = [key for key in (*PERCENTILES, "max") if any(spread_of(measurement, name, key) for name in names)]
        if len(keys) < 2:
            return None
        medians = [spread_of(measurement, name, "p99") for name in names]
        scale = scale_for("ns", [figure.median for figure in medians if figure] or [1e3])
        scale = scale._replace(decimals=1)
        series = self.series(names, subject, lambda name, key: self.point(
            *self.percentile(measurement, name, key), scale, "max" if key == "max" else PERCENTILES[key][1]), keys)
        series = [one._replace(points=[point for point in one.points if point.y > 0]) for one in series]
        ticks = {PERCENTILES[key][0]: PERCENTILES[key][1] for key in keys if key != "max"}
        x_axis = svg_plot.Axis("share of the frames that took no longer", "log", lambda value: ticks.get(value, ""), list(ticks),
                               ["max"] if "max" in keys else [])
        y_axis = svg_plot.Axis(f"{scale.unit}, logarithmic; {self.spread_words([measurement])}", "log", "{:,g}".format)

        def draw(identifier, width, is_alone):
            return svg_plot.line_plot(identifier, title, series, x_axis, y_axis, self.described(series, title), width,
                                      standalone=is_alone, heading=None if is_alone else short)
        load = measurement["parameters"].get("load")
        return Plot(self.slug("latency", str(measurement["parameters"].get("size") or ""), f"load-{load:g}" if load else "",
                              self.group_word([measurement])), title, draw, load == MAIN_LOAD)

    @staticmethod
    def percentile(measurement, name, key):
        return ("max" if key == "max" else PERCENTILES[key][0]), spread_of(measurement, name, key)

    def bars_plot(self, measurements, short, suffix, label_of, x_label="", key="value", is_main=True):
        """Returns a plot with a bar of each switch for each measurement."""
        title = short + (f", {suffix}" if suffix else "")
        names, subject = self.names_in(measurements), self.subject_in(measurements)
        if not any(samples_of(one, name, key) for one in measurements for name in names):
            return None
        scale = self.unit_scale(measurements, names, key, None if key == "value" else "ns")
        if key != "value" and measurements[0]["unit"] == "octets/s":
            scale = self.cost_scale(measurements, names)[0]
        labels = [label_of(measurement) for measurement in measurements]
        if len(set(labels)) < len(labels):
            labels = [measurement["title"] for measurement in measurements]
        by_label = dict(zip(labels, measurements))
        series = self.series(names, subject, lambda name, label: self.point(
            label, spread_of(by_label[label], name, key), scale, label), list(by_label))
        y_axis = svg_plot.Axis(f"{scale.unit}; {self.spread_words(measurements)}", words="{:,g}".format)

        def draw(identifier, width, is_alone):
            return svg_plot.grouped_bars(identifier, title, list(by_label), series, y_axis, x_label, self.described(series, title),
                                         width, standalone=is_alone, heading=None if is_alone else short,
                                         words=lambda value: number(value, scale._replace(factor=1)))
        words = (measurements[0]["test"], "" if key == "value" else "cost", x_label and f"by-{x_label}" or "bars")
        return Plot(self.slug(*words, self.group_word(measurements)), title, draw, is_main)

    def ratio_plot(self, measurements, short, suffix, better):
        """Returns a plot that compares the first switch with each other switch in each measurement."""
        title = short + suffix
        subject = self.subject_in(measurements)
        names = [name for name in self.names_in(measurements) if any(name in ratios_of(one) for one in measurements)
                 and name != NULL_RUN]
        series = self.series(names, None, lambda *_: None, [])
        rows = []
        for measurement in measurements:
            points = []
            for which, name in enumerate(names):
                ratio = ratios_of(measurement).get(name)
                if ratio is not None and ratio.median > 0 and (ratio.low is None or ratio.low > 0):
                    spread = range_words(ratio, ratio_number)
                    told = f"{self.switches.title(name)}, {measurement['title']}: {ratio_number(ratio.median)}"
                    told += f" [{spread}]" if spread else ""
                    points.append((which, svg_plot.Point(ratio.median, 0, ratio.low, ratio.high, told)))
            if points:
                rows.append(svg_plot.Row(measurement["title"], points))
        if not rows:
            return None
        words = self.switches.title(subject)
        low_words, high_words = f"{words} has less", f"{words} has more"
        x_axis = svg_plot.Axis("ratio, logarithmic", "log", "{:g}".format)
        note = f"{words} over each other switch; {'more' if better == 'more' else 'less'} is better"
        description = f"{title}: {note}. " + " ".join(f"{point.words}." for row in rows for _, point in row.points)

        def draw(identifier, width, is_alone):
            return svg_plot.interval_plot(identifier, title, rows, series, x_axis, note, low_words, high_words, description, width,
                                          is_alone, None if is_alone else short)
        return Plot(self.slug("ratios", better, self.group_word(measurements)), title, draw)

    # Tables.

    def mark(self, measurement):
        """Returns the number of a measurement if this is its first table of figures, otherwise None."""
        index = self.number_of[id(measurement)]
        if index in self._tabled:
            return None
        self._tabled.add(index)
        return index

    def ratio_table(self, measurements, corner, label_of, is_brief=False):
        """Returns a table with a row for each measurement and a column for each peer. A brief table leaves out the null run and
        the ratios of costs."""
        with_ratios = [measurement for measurement in measurements if ratios_of(measurement)]
        if not with_ratios:
            return []
        names = [name for name in self.names_in(with_ratios) if any(name in ratios_of(one) for one in with_ratios)
                 and not (is_brief and name == NULL_RUN)]
        if not names:
            return []
        title = self.switches.title(self.subject_in(with_ratios))
        rows = [TableRow(label_of(one), [self.ratio_cell(one, name, is_brief) for name in names]) for one in with_ratios]
        better = {one["better"] for one in with_ratios}
        words = {"more": "; more than 1 is better", "less": "; less than 1 is better"}
        said = words.get(next(iter(better)), "") if len(better) == 1 else ""
        if any(text for row in rows for cell in row.cells for text in cell.more):
            said += "; own time: processor time of the other switch's process for a unit, over that of this switch's process"
        return [Table("ratios", f"{title} over each other switch{said}", corner,
                      [Column(f"over {self.switches.title(name)}", name) for name in names], [(None, rows)])]

    def ratio_cell(self, measurement, name, is_brief):
        ratio = ratios_of(measurement).get(name)
        if ratio is None:
            return EMPTY
        own = None if is_brief else cost_ratio(measurement, name)
        more = (f"own time {ratio_number(own.median)}",) if own else ()
        is_bound = self.switches.looks[name].is_reference  # no switch needs to be better than the floor
        return Cell(ratio_number(ratio.median), range_words(ratio, ratio_number), more,
                    None if is_bound else verdict(ratio, measurement["better"]))

    def figure_table(self, measurements, corner, label_of, heading=""):
        """Returns a table with a row for each measurement and a column for each switch."""
        names = self.names_in(measurements)
        if not names:
            return []
        scale = self.unit_scale(measurements, names)
        cost, cost_unit, per = self.cost_scale(measurements, names)
        caption = f"{heading + ': ' if heading else ''}{scale.unit}, {self.caption_words(measurements)}"
        if cost:
            has_own = any(samples_of(one, name, "switch_ns") for one in measurements for name in names)
            caption += f"; below, the processor time of {per} in the machine{', and of this in the switch' if has_own else ''}, {cost_unit}"
        rows = [TableRow(label_of(one), [self.figure_cell(one, name, scale, cost) for name in names], self.mark(one))
                for one in measurements]
        return [Table("figures", caption, corner, [Column(self.switches.title(name), name) for name in names], [(None, rows)],
                      self.subject_in(measurements))]

    @classmethod
    def caption_words(cls, measurements):
        return "medians and quartiles" if "quartiles" in cls.spread_words(measurements) else "of one round"

    def cost_scale(self, measurements, names):
        """Returns (Scale, its unit, the thing that costs) for the machine's processor time; the Scale is None if no sample has it."""
        octets = measurements[0]["unit"] == "octets/s"
        factor = 2**20 if octets else 1
        values = [figure.median * factor for one in measurements for name in names for key in ("machine_ns", "switch_ns")
                  for figure in [spread_of(one, name, key)] if figure is not None]
        if not values:
            return None, "", ""
        scale = scale_for("ns", values)
        per = "a MiB" if octets else "a copy" if measurements[0]["unit"] == "copies/s" else "a frame"
        return Scale(scale.factor * factor, scale.unit, scale.decimals), scale.unit, per

    def figure_cell(self, measurement, name, scale, cost=None):
        figure = spread_of(measurement, name)
        if figure is None:
            return EMPTY
        more = []
        machine, own = (spread_of(measurement, name, key) for key in ("machine_ns", "switch_ns"))
        if cost and machine:
            text = number(machine.median, cost)
            more.append(f"{text} of which {number(own.median, cost)}" if own else text)
        more += self.remarks(measurement, name)
        return Cell(number(figure.median, scale), range_words(figure, lambda value: number(value, scale)), tuple(more))

    def remarks(self, measurement, name):
        """Returns remarks about other data of the samples that affect the figure."""
        result = []

        def median(key):
            figure = spread_of(measurement, name, key)
            return None if figure is None else figure.median

        if measurement["test"] == "pressure":
            offered = median("offered")
            if offered is not None:
                result.append(f"{number(offered, scale := scale_for('frames/s', [offered]))} {scale.unit} taken")
            for key, words in (("refused_share", "refused"), ("loss", "lost")):
                if median(key) is not None:
                    result.append(f"{self.percent(median(key))} {words}")
        elif measurement["test"] == "congestion" and median("overloaded") is not None:
            result.append(f"{self.percent(median('overloaded'))} to the overloaded port")
        if median("limit") is not None and median("value") is not None and median("value") >= median("limit"):
            result.append("the limit of the search")
        if measurement["parameters"].get("group") == "vhost" and median("busy") is not None:
            result.append(f"generator {self.percent(median('busy'))} busy")
        if measurement["test"] == "latency" and median("loss") and median("loss") > 0.001:
            result.append(f"{self.percent(median('loss'))} lost or refused, and not included")
        if median("flooded") and median("flooded") > 0.02:
            result.append(f"FLOODED: {self.percent(median('flooded'))} more came out than went in")
        if median("untaught"):
            result.append(f"{median('untaught'):.0f} stations could not be taught in time")
        if median("not_offered") is not None and median("not_offered") > 0.01:
            result.append(f"{self.percent(median('not_offered'))} of the load not made")
        return result

    @staticmethod
    def percent(share):
        return "0 %" if share == 0 else f"{100 * share:.2g} %" if share < 0.1 else f"{100 * share:.0f} %"

    def errored_table(self, measurements):
        """Returns a table of kinds of frames, the behaviour of an 802.1Q bridge, and the behaviour of each switch."""
        names = self.names_in(measurements)
        has_wanted = any("wanted" in measurement["parameters"] for measurement in measurements)
        columns = ([Column("802.1Q")] if has_wanted else []) + [Column(self.switches.title(name), name) for name in names]
        rows = []
        for measurement in measurements:
            wanted = measurement["parameters"].get("wanted")
            cells = [self.fate(measurement, name, wanted) for name in names]
            rows.append(TableRow(str(measurement["parameters"].get("kind") or measurement["title"]),
                                 ([Cell(wanted or "either")] if has_wanted else []) + cells, self.mark(measurement)))
        return [Table("figures", "forwarded or dropped, by kind of frame", "frame", columns, [(None, rows)],
                      self.subject_in(measurements))]

    def fate(self, measurement, name, wanted):
        values = samples_of(measurement, name)
        if not values:
            return EMPTY
        share = sum(values) / len(values)
        if share in (0, 1):
            word = "forwarded" if share else "dropped"
            spread = ""
        else:
            word, spread = f"{self.percent(share)} forwarded", \
                f"{self.percent(min(values))} to {self.percent(max(values))}" if len(values) > 1 else ""
        return Cell(word, spread, (), None if wanted is None else "same" if word == wanted else "worse")

    def latency_table(self, measurements, heading=""):
        """Returns a table with a row for each switch and a column for each percentile."""
        names = self.names_in(measurements)
        keys = [key for key in (*PERCENTILES, "max", "mean")
                if any(spread_of(one, name, key) for one in measurements for name in names)]
        medians = [figure.median for one in measurements for name in names for figure in [spread_of(one, name, "p99")
                   or spread_of(one, name)] if figure]
        scale = scale_for("ns", medians)._replace(decimals=1)
        columns = [Column(PERCENTILES[key][1] if key in PERCENTILES else key) for key in keys]
        if not keys:
            columns = [Column("99 %")]
        has_load = any(spread_of(one, name, "load") for one in measurements for name in names)
        loads = [figure.median for one in measurements for name in names for figure in [spread_of(one, name, "load")] if figure]
        load_scale = scale_for("frames/s", loads)
        if has_load:
            columns.append(Column(f"load, {load_scale.unit}"))
        groups = []
        for measurement in measurements:
            rows, index = [], self.mark(measurement)
            for name in self.switches.in_order(measurement["samples"]):
                cells = []
                for key in keys or ["value"]:
                    figure = spread_of(measurement, name, key)
                    cells.append(EMPTY if figure is None else Cell(
                        number(figure.median, scale), range_words(figure, lambda value: number(value, scale))))
                if has_load:
                    load = spread_of(measurement, name, "load")
                    cells.append(Cell(number(load.median, load_scale)) if load else EMPTY)
                reordered = sum(samples_of(measurement, name, "reordered"))
                title = self.switches.title(name)
                rows.append(TableRow(f"{title} ({reordered:,} reordered)" if reordered else title, cells, index,
                                     name == subject_of(measurement)))
                index = None
            groups.append((measurement["title"], rows))
        return [Table("figures", f"{heading + ': ' if heading else ''}{scale.unit}, {self.caption_words(measurements)}", "switch",
                      columns, groups)]

    # Sections.

    def by_group(self, measurements):
        """Returns [(heading, measurements)] for each kind of port."""
        result = {}
        for measurement in measurements:
            result.setdefault(measurement["parameters"].get("group"), []).append(measurement)
        many = len(self.groups()) > 1
        return [(str(GROUPS.get(group, group)) if many and group is not None else "", part) for group, part in result.items()]

    def untabled(self, test):
        return [one for one in self.measurements if one["test"] == test and self.number_of[id(one)] not in self._tabled]

    def family_section(self, test, axis, title):
        blocks = []
        for family in self.families(test, axis):
            words = self.family_words(family, axis)

            def label(measurement):
                value = measurement["parameters"][axis]
                return value if isinstance(value, str) else f"{value:,}"

            block = Block(words[:1].upper() + words[1:], self.ratio_table(family, CORNERS[axis], label))
            if axis == "ports":
                block.plots = [self.family_plot(family, axis, f"{MACHINE_COST} for a frame", "machine_ns", "ns"),
                               self.family_plot(family, axis, "The switch's own processor time for a frame", "switch_ns", "ns"),
                               self.family_plot(family, axis, "Rate by number of ports", is_main=False)]
            elif axis == "streams":
                block.plots = [self.bars_plot(family, title, words, label, "streams"),
                               self.bars_plot(family, f"{MACHINE_COST} for a MiB", words, label, "streams", "machine_ns", False)]
            else:
                block.plots = [self.family_plot(family, axis, title)]
                if test != "loss":
                    block.plots.append(self.family_plot(family, axis, f"{MACHINE_COST} for a frame", "machine_ns", "ns",
                                                        is_main=(test, axis) == ("rate", "size")))
            block.plots = [plot for plot in block.plots if plot is not None]
            block.tables = self.figure_table(family, CORNERS[axis], label)
            blocks.append(block)
        return blocks

    def latency_section(self):
        measurements = [one for one in self.measurements if one["test"] == "latency" and self.has_figures(one)]
        blocks = []
        for heading, part in self.by_group(measurements):
            block = Block(heading[:1].upper() + heading[1:], self.ratio_table(part, "99th percentile", lambda one: one["title"]))
            sizes = list(dict.fromkeys(str(one["parameters"].get("size")) for one in part))
            chosen = [one for one in part if str(one["parameters"].get("size")) in (sizes[0], "64", "1518", "IMIX")] or part
            suffix = f", {heading}" if heading else ""
            block.plots = [plot for one in chosen[:MOST_LATENCY_PLOTS] if (plot := self.latency_plot(one, suffix)) is not None]
            for family in self.families("latency", "size"):
                if family[0] in part and len(family) > 2:
                    block.plots.append(self.family_plot(family, "size", "99th percentile of latency", "p99", "ns"))
            block.tables = self.latency_table(part)
            blocks.append(block)
        return blocks

    def list_section(self, test, title):
        """Returns blocks for measurements that are in no family, by their titles."""
        blocks = []
        for heading, part in self.by_group(self.untabled(test)):
            if not any(map(self.has_figures, part)):
                continue
            if test == "errored":
                blocks.append(Block(heading[:1].upper() + heading[1:], [], [], self.errored_table(part)))
                continue
            block = Block(heading[:1].upper() + heading[1:])
            plain = [one for one in self.measurements if one["test"] == test and one not in part
                     and one["parameters"].get("group") == part[0]["parameters"].get("group")]
            shown = plain[:1] + part if test == "rate" else part  # the base of these variations comes first, for comparison
            for unit_part in self.by_unit(shown):
                block.ratios += self.ratio_table(unit_part, "measurement", self.short_title)
                block.tables += self.figure_table(unit_part, "measurement", self.short_title)
                if test in ("rate", "broadcast") and len(unit_part) > 1:
                    unit = "copy" if test == "broadcast" else "frame"
                    plots = [self.bars_plot(unit_part, title, heading, self.bar_label),
                             self.bars_plot(unit_part, f"{MACHINE_COST} for a {unit}", heading, self.bar_label, key="machine_ns",
                                            is_main=False)]
                    block.plots += [plot for plot in plots if plot is not None]
            blocks.append(block)
        return blocks

    @staticmethod
    def by_unit(measurements):
        result = {}
        for measurement in measurements:
            result.setdefault(measurement["unit"], []).append(measurement)
        return result.values()

    @staticmethod
    def short_title(measurement):
        return measurement["title"]

    @staticmethod
    def bar_label(measurement):
        parameters = measurement["parameters"]
        words = [PATTERNS.get(parameters.get("pattern"), "")] if parameters.get("pattern") != "broadcast" else []
        if parameters.get("vlan") is not None:
            words.append(f"VLAN {parameters['vlan']}")
        if parameters.get("ports", 2) != 2 or not words:
            words.append(f"{parameters.get('ports')} ports")
        return ", ".join(word for word in words if word)

    def varies_shape(self):
        """True if rates were measured by traffic pattern or with VLANs."""
        return any(one["parameters"].get("pattern") not in (None, "pair") or one["parameters"].get("vlan")
                   for one in self.measurements if one["test"] == "rate")

    def sections(self):
        """Returns all sections that are not empty."""
        self._slugs, self._tabled = set(), set()
        result, known = [], set()
        for test, axis, title, lead in SECTIONS:
            known.add(test)
            if axis == "percentile":
                blocks = self.latency_section()
            elif axis is not None:
                if axis == "load" and not self.families(test, "load"):
                    axis = "offered"
                blocks = self.family_section(test, axis, title)
            else:
                blocks = []
            later = any(other == test for other, _, other_title, _ in
                        SECTIONS[[section[2] for section in SECTIONS].index(title) + 1:])
            if not later and axis != "percentile":
                blocks += self.list_section(test, title)
            if blocks:
                if (test, axis) == ("rate", None) and not self.varies_shape():
                    title, lead = "Forwarding rate", SECTIONS[0][3]
                result.append(Section(slug_of(title), title, lead, blocks))
        for test in dict.fromkeys(one["test"] for one in self.measurements):
            if test not in known and (blocks := self.list_section(test, str(test))):
                result.append(Section(self.slug("test", str(test)), str(test), "", blocks))
        silent = [one for one in self.measurements if self.number_of[id(one)] not in self._tabled]
        if silent:
            rows = [TableRow(one["title"], [], self.mark(one)) for one in silent]
            table = Table("figures", "no figures", "measurement", [], [(None, rows)])
            result.append(Section("nothing", "Without a result", "Measurements that gave no figure.",
                                  [Block("", tables=[table])]))
        return result

    def overview(self):
        """Returns the blocks of the overview: one block of ratios for each kind of port."""
        blocks = []
        for group, chosen in self.headlines().items():
            heading = str(GROUPS.get(group, group)) if len(self.groups()) > 1 and group is not None else ""
            suffix = f", {heading}" if heading else ""
            block = Block(heading[:1].upper() + heading[1:])
            for better, words in (("more", "Ratios of rates"), ("less", "Ratios of latencies")):
                part = [one for one in chosen if one["better"] == better]
                if part:
                    block.ratios += self.ratio_table(part, "measurement", lambda one: one["title"], True)
                    plot = self.ratio_plot(part, words, suffix, better)
                    block.plots += [plot] if plot else []
            blocks.append(block)
        return blocks
