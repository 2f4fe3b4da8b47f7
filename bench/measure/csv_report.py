# SPDX-License-Identifier: GPL-2.0-or-later
"""Writes a run as CSV, for spreadsheets and scripts: one line a sample, with all its data."""
import csv
import io
import json
import pathlib

FIRST = ["test", "title", "switch", "switch_title", "version", "ports", "unit", "better", "round"]
PARAMETERS = ["group", "size", "ports", "stations", "vlan", "pattern", "streams", "load", "broadcast", "offered", "kind"]
SAMPLES = ["value", "machine_ns", "switch_ns", "busy", "loss"]


def columns(document):
    """Returns the names of the columns: the common ones, the parameters, and the keys of samples."""
    measurements = document.get("measurements", [])
    parameters = dict.fromkeys(name for one in measurements for name in one["parameters"])
    samples = dict.fromkeys(name for one in measurements for taken in one["samples"].values() for sample in taken for name in sample)
    return (FIRST + [f"parameter_{name}" for name in _in_order(parameters, PARAMETERS)]
            + [f"sample_{name}" if name in FIRST else name for name in _in_order(samples, SAMPLES)])


def _in_order(names, wanted):
    return [name for name in wanted if name in names] + [name for name in names if name not in wanted]


def _cell(value):
    """Returns a number as exactly as JSON has it, and an empty text for a missing value."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value)


def report(document):
    """Returns the text of the CSV file."""
    described = {switch["name"]: switch for switch in document.get("switches", [])}
    text = io.StringIO()
    writer = csv.DictWriter(text, columns(document), restval="", lineterminator="\n")
    writer.writeheader()
    for measurement in document.get("measurements", []):
        for name, samples in measurement["samples"].items():
            switch = described.get(name, {})
            for number, sample in enumerate(samples, start=1):
                row = {"test": measurement["test"], "title": measurement["title"], "switch": name, "switch_title": switch.get("title"),
                       "version": switch.get("version"), "ports": switch.get("ports"), "unit": measurement["unit"],
                       "better": measurement["better"], "round": number,
                       **{f"parameter_{key}": value for key, value in measurement["parameters"].items()},
                       **{f"sample_{key}" if key in FIRST else key: value for key, value in sample.items()}}
                writer.writerow({key: _cell(value) for key, value in row.items()})
    return text.getvalue()


def write(document, path):
    pathlib.Path(path).write_text(report(document), newline="")
