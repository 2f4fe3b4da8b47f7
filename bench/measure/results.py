# SPDX-License-Identifier: GPL-2.0-or-later
"""The document of a run. The reports are made from it, and --json writes it."""
import datetime
import json
import os
import pathlib
import platform
import shlex
import sys
import time

from .statistics import ratios

VERSION = 1  # of the document's format; raised when readers must change


def machine():
    """Describes the machine of the run."""
    models = [line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")]
    flags = next((line for line in open("/proc/cpuinfo") if line.startswith("flags")), "")
    memory = next(int(line.split()[1]) for line in open("/proc/meminfo") if line.startswith("MemTotal"))
    names = dict(line.rstrip().split("=", 1) for line in open("/etc/os-release") if "=" in line)
    return {"cpus": os.cpu_count(), "model": models[0] if models else platform.machine(), "kernel": platform.release(),
            "memory_mib": memory // 1024, "distribution": names.get("PRETTY_NAME", "").strip('"'),
            "hypervisor": "hypervisor" in flags.split()}


class Results:
    """The document grows with every measurement. It is written to disk after each, so that a stopped run keeps its results."""

    def __init__(self, options, other_work):
        self.path, self.other_work, self.began = options.json, other_work, time.monotonic()
        command = shlex.join([os.path.relpath(sys.argv[0]), *sys.argv[1:]])
        self.document = {
            "program": "rbbench", "version": VERSION, "machine": machine(),
            "began": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"), "lasted_s": 0,
            "command": command, "rounds": options.rounds, "seconds": options.seconds, "other_work": None,
            "switches": [], "skipped": [], "notes": [], "measurements": []}

    def add_switch(self, switch):
        described = {"name": switch.name, "title": switch.title, "version": switch.version, "ports": switch.ports}
        if described not in self.document["switches"]:
            self.document["switches"].append(described)

    def skip(self, name, why):
        """Returns True if this is the first time."""
        entry = {"name": name, "why": why}
        if entry in self.document["skipped"]:
            return False
        self.document["skipped"].append(entry)
        return True

    def note(self, text):
        self.document["notes"].append(text)

    def add(self, case, group, samples):
        measurement = {"test": case.test, "title": case.title, "parameters": {**case.described(), "group": group},
                       "unit": case.unit, "better": case.better, "samples": samples, "ratios": ratios(samples)}
        self.document["measurements"].append(measurement)
        self.save()
        return measurement

    def save(self):
        self.document["lasted_s"] = round(time.monotonic() - self.began, 1)
        self.document["other_work"] = self.other_work.median()
        if self.path:
            self.path.write_text(json.dumps(self.document, indent=1) + "\n")


def load(path):
    """Returns a document that was written earlier. Ends the program if the file has no such document."""
    try:
        document = json.loads(pathlib.Path(path).read_text())
    except (OSError, ValueError) as error:
        sys.exit(f"{path}: {error}")
    if document.get("program") != "rbbench" or document.get("version") != VERSION:
        sys.exit(f"{path} is not a result of rbbench, version {VERSION}")
    return document
