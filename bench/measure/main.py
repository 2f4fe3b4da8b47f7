# SPDX-License-Identifier: GPL-2.0-or-later
"""A run builds every switch with as many ports as a group of cases needs, and measures the switches in turns."""
import contextlib
import os
import signal
import sys

from . import arguments, csv_report, html_report, performance_page, results, text_report
from .build import build
from .case import USUAL_MTU
from .existing import ExistingPorts
from .lab import NICENESS, Failed, Lab, Unsupported
from .other_work import OtherWork
from .procedures import PROCEDURES, workers
from .profile import userspace_share
from .scene import Scene
from .switches import split

# These tests change a host's device, make a switch forget, read its processor time, or need addresses.
OWN_SWITCH = {"errored", "idle", "address_capacity", "address_rate", "tcp", "workers"}
ENDS = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)


def stop(number, _frame):
    """Ends the program through its clean-up, which no signal interrupts."""
    for end in ENDS:
        signal.signal(end, signal.SIG_IGN)
    sys.exit(128 + number)


def groups(cases):
    """Returns groups of cases that need the same kind of switch, in the order of their first case."""
    found = {}
    for case in cases:
        found.setdefault(repr(case.needs), []).append(case)
    return found.values()


class Run:
    def __init__(self, options):
        self.options = options
        self.other_work = OtherWork(options.wait_quiet)
        self.results = results.Results(options, self.other_work)
        self.progress = text_report.Progress(sys.stdout)

    def measure(self):
        tests = self.options.tests
        if self.options.ports:
            for test in [test for test in tests if test in OWN_SWITCH]:
                self._skip(test, "it needs a switch, or hosts, of rbbench's own, and --ports names others'")
            tests = [test for test in tests if test not in OWN_SWITCH]
        cases = [case for name in tests for case in PROCEDURES[name].cases(self.options)]
        self.progress.begin(len(cases))
        for wanted in groups(cases):
            with contextlib.ExitStack() as resources:
                scenes = self._scenes(**wanted[0].needs, kinds={kind for case in wanted for kind in case.kinds}, resources=resources)
                for case in wanted:
                    self._measure_case(case, scenes)
        if self.options.perf:
            self._profile()
        if "workers" in tests:
            self.results.note(workers.note(self.options.build_dir, self.options.rounds))

    def _scenes(self, ports, vlan, mtu, super_frames, kinds, resources):
        """Builds every switch of these kinds that can be built in this way, each ready for its turn."""
        lab = Lab(resources, self.options, mtu, super_frames)
        if self.options.ports:
            return self._existing_scenes(lab, ports)
        scenes = []
        for word in self.options.switch:
            kind, text = split(word)
            if kind.kind not in kinds:
                continue
            why = kind.lacks()
            if why is None:
                self.progress.building(word, ports)
                try:
                    scenes.append(self._scene(kind(lab, text, ports, vlan), lab, resources))
                except (Unsupported, Failed) as error:
                    why = str(error)
            if why is not None:
                self._skip(word, why)
        return scenes

    def _scene(self, switch, lab, resources):
        resources.callback(switch.resume)  # a guest cannot disconnect from a paused switch
        scene = Scene(lab, switch, self.options.load_cpus)
        switch.connected()
        self.results.add_switch(switch)
        switch.pause()
        return scene

    def _existing_scenes(self, lab, ports):
        if ports > len(self.options.ports):
            self._skip("existing", f"measurements with {ports} ports need as many in --ports, which names {len(self.options.ports)}")
            return []
        switch = ExistingPorts(lab, self.options.ports[:ports])
        self.results.add_switch(switch)
        return [Scene(lab, switch, self.options.load_cpus)]

    def _measure_case(self, case, scenes):
        for group in ("device", "vhost"):
            taking_part = [scene for scene in scenes if scene.switch.kind == group and group in case.kinds]
            if not taking_part:
                continue
            samples = {scene.name: [] for scene in taking_part}
            rounds = case.rounds or self.options.rounds
            for number in range(rounds):
                for scene in [scene for scene in taking_part if scene in scenes]:
                    self.other_work.look()
                    self.progress.measuring(case.title, scene.title, number + 1, rounds)
                    try:
                        with scene.turn():
                            samples[scene.name].append(case.sample(scene))
                    except Failed as error:
                        self._give_up(scene, scenes, str(error))
            samples = {name: taken for name, taken in samples.items() if taken}
            if samples:
                self.progress.measured(self.results.add(case, group, samples), self.results.document["switches"])

    def _give_up(self, scene, scenes, why):
        """Leaves a failed switch out of the rest of its group. The others go on."""
        scenes.remove(scene)
        self._skip(scene.name, why)

    def _skip(self, name, why):
        if self.results.skip(name, why):
            self.progress.line(f"{name} is skipped: {why}")

    def _profile(self):
        with contextlib.ExitStack() as resources:
            for scene in self._scenes(2, None, USUAL_MTU, False, {"device", "vhost"}, resources):
                if scene.switch.pids:
                    with scene.turn():
                        share = userspace_share(scene, max(1, self.options.seconds))
                    note = f"{scene.title}: {share:.1%} of its time is spent outside the kernel (64-octet frames)"
                    self.results.note(note)
                    self.progress.line(note)


def write_reports(options, document):
    if options.csv:
        csv_report.write(document, options.csv)
    if options.html:
        html_report.write(document, options.html)
    if options.page:
        performance_page.write(document, options.page)


def become_root(options):
    """Restarts the program as root, which namespaces and taps need."""
    if os.geteuid() != 0:
        more = [] if options.build_dir_was_given else ["--build-dir", str(options.build_dir)]
        os.execvp("sudo", ["sudo", *sys.argv, *more])


def main():
    options = arguments.parse(sys.argv[1:])
    if options.source:
        write_reports(options, results.load(options.source))
        return
    options.build_dir_was_given = options.build_dir is not None
    if not options.build_dir_was_given:
        options.build_dir = build()
    become_root(options)
    for end in ENDS:
        signal.signal(end, stop)
    with contextlib.suppress(OSError):
        os.nice(NICENESS)
    if options.page:
        performance_page.parts_by_hand(options.page)  # a wrong page ends the program now, and not after an hour
    run = Run(options)
    run.progress.line(text_report.heading(run.results.document))
    try:
        run.measure()
        run.progress.line(text_report.ending(run.results.document))
    except Failed as error:
        sys.exit(str(error))
    finally:
        if run.results.document["measurements"]:  # also after an error
            run.results.save()
            write_reports(options, run.results.document)
