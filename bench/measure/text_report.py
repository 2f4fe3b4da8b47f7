# SPDX-License-Identifier: GPL-2.0-or-later
"""The report on a terminal. After each measurement it shows the ratios first, then the figures of each switch."""
import os
import time
import unicodedata

from .figures import (Switches, age_words, cost_ratio, machine_words, number, range_words, ratio_number, ratios_of, samples_of,
                      scale_for, spread_of, subject_of, verdict)
from .outline import Outline, PERCENTILES

MICROSECOND_NS = 1000  # the unit of latencies
WORDS = {"worse": " (worse)", "same": " (no difference)"}


def plain(text):
    """Removes control characters, because names come from the version output of other programs."""
    text = "".join(letter for letter in str(text) if unicodedata.category(letter)[0] != "C")
    return text.replace("µ", "u").replace("–", "-")


def bracketed(figure, words):
    inside = range_words(figure, words)
    return f" [{inside}]" if inside else ""


def heading(document):
    """Returns the text before the first measurement."""
    rounds = document.get("rounds") or 1
    words = f"{rounds} rounds in turns; medians [quartiles]" if rounds > 1 else "1 round"
    return f"{plain(machine_words(document.get('machine', {})))}; {words}"


def ratio_lines(measurement, switches):
    ratios = ratios_of(measurement)
    first = subject_of(measurement)
    width = max((len(switches.title(name)) for name in ratios), default=0)
    for name, ratio in ratios.items():
        line = f"  {switches.title(first)} / {switches.title(name):{width}} "
        line += f"{ratio_number(ratio.median):>6}{bracketed(ratio, ratio_number)}"
        if not switches.looks[name].is_reference:
            line += WORDS.get(verdict(ratio, measurement["better"]), "")
        own = cost_ratio(measurement, name)
        if own:
            line += f"; by the switch's own processor time {own.median:.3f}{bracketed(own, '{:.3f}'.format)}"
        yield line


def figure_lines(measurement, switches, outline):
    names = [name for name in measurement["samples"]]
    width = max((len(switches.title(name)) for name in names), default=0)
    scale = outline.unit_scale([measurement], names)
    cost, cost_unit, per = outline.cost_scale([measurement], names)
    known = [spread_of(measurement, name) for name in names]
    digits = max((len(number(figure.median, scale)) for figure in known if figure), default=0)
    for name, figure in zip(names, known):
        line = f"    {switches.title(name):{width}}  "
        if figure is None:
            yield line + "no figure"
            continue
        if measurement["test"] == "latency":
            line += latency_words(measurement, name)
        else:
            line += f"{number(figure.median, scale):>{digits}} {scale.unit}{bracketed(figure, lambda value: number(value, scale))}"
        machine, own = (spread_of(measurement, name, key) for key in ("machine_ns", "switch_ns"))
        if machine:
            line += f", machine {number(machine.median, cost)} {cost_unit} {per}"
        if own:
            line += f", of which the switch {number(own.median, cost)}"
        remarks = outline.remarks(measurement, name)
        yield line + "".join(f"; {remark}" for remark in remarks)


def latency_words(measurement, name):
    """Returns the percentiles in a row. The 99th, which is compared, has its spread."""
    scale = scale_for("ns", [MICROSECOND_NS])._replace(decimals=1)
    words = []
    for key, title in (*((key, title) for key, (_, title) in PERCENTILES.items()), ("max", "max")):
        figure = spread_of(measurement, name, key)
        if figure:
            spread = bracketed(figure, lambda value: number(value, scale)) if key == "p99" else ""
            words.append(f"{title} {number(figure.median, scale)}{spread}")
    if not words:
        words = [f"99 % {number(spread_of(measurement, name).median, scale)}"]
    load = spread_of(measurement, name, "load")
    if load:
        of_load = scale_for("frames/s", [load.median])
        words.append(f"at {number(load.median, of_load)} {of_load.unit}")
    return ", ".join(words[:1]) + f" {scale.unit}" + "".join(f", {word}" for word in words[1:])


def measurement(one, document):
    """Returns the lines of a finished measurement. `document` has the titles of the switches."""
    outline = Outline({**document, "measurements": [one]})
    switches = Switches({**document, "measurements": [one]})
    lines = ["", one["title"], *ratio_lines(one, switches)]
    if one["test"] == "errored":
        words = [f"{switches.title(name)} {outline.fate(one, name, None).text}" for name in one["samples"] if samples_of(one, name)]
        wanted = one["parameters"].get("wanted")
        lines = ["", one["title"] + (f" (802.1Q: {wanted})" if wanted else ""), "    " + ", ".join(words)]
    else:
        lines += figure_lines(one, switches, outline)
    return "\n".join(map(plain, lines))


def ending(document):
    """Returns the text after the last measurement."""
    lines = [""]
    lines += [f"left out: {one.get('name')}: {one.get('why')}" for one in document.get("skipped", [])]
    lines += [f"note: {note}" for note in document.get("notes", [])]
    if document.get("other_work") is not None:
        lines.append(f"other work between the measurements: {document['other_work']:.0%} of the processors (median)")
    if document.get("lasted_s"):
        lines.append(f"it took {age_words(document['lasted_s'])}")
    return "\n".join(map(plain, lines))


def report(document):
    """Returns the whole report of a finished run."""
    done = [measurement(one, document) for one in document.get("measurements", [])]
    return "\n".join([heading(document), *done, ending(document)]) + "\n"


class Progress:
    """The output of a run while it goes on. A terminal has a last line with the present activity; a file gets only lines that stay."""

    ENOUGH_CASES = 3  # number of cases before the remaining time is estimated

    def __init__(self, stream):
        self.stream, self.is_terminal = stream, stream.isatty()
        self.count = self.number = 0
        self.case = None
        self.began = time.monotonic()

    def begin(self, count):
        """Announces the number of cases."""
        self.count, self.number, self.began = count, 0, time.monotonic()

    def line(self, text):
        """Prints a line that stays."""
        self._clear()
        self.stream.write(f"{text}\n")
        self.stream.flush()

    def building(self, name, ports):
        self._status(f"building {name} with {ports} ports")

    def measuring(self, title, switch, number, rounds):
        if title != self.case:
            self.case, self.number = title, self.number + 1
        self._status(f"{title}: {switch}" + (f", round {number} of {rounds}" if rounds > 1 else ""))

    def measured(self, one, switches):
        self.line(measurement(one, {"switches": switches}))

    def _status(self, text):
        if not self.is_terminal:
            return
        done = self.number - 1
        words = f"[{self.number} of {self.count}" if self.number else f"[{self.count} to do"
        if done >= self.ENOUGH_CASES:
            words += f", {age_words((time.monotonic() - self.began) / done * max(0, self.count - done))} left"
        try:
            width = os.get_terminal_size(self.stream.fileno()).columns
        except OSError:
            width = 80
        self._clear()
        self.stream.write(plain(f"{words}] {text}")[:width - 1])
        self.stream.flush()

    def _clear(self):
        if self.is_terminal:
            self.stream.write("\r\x1b[K")
