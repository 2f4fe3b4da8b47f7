# SPDX-License-Identifier: GPL-2.0-or-later
"""Tests the parts of building switches that need no privilege: names of switches, ends of programs, removal of leftovers."""
import argparse
import contextlib
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import unittest
from unittest import mock

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "bench"))

from measure import lab, switches  # noqa: E402
from measure.switches.base import Switch  # noqa: E402


class Words(unittest.TestCase):
    def test_a_switch_is_a_name_and_options(self):
        self.assertEqual(switches.split("none"), (switches.SWITCHES["none"], ""))
        self.assertEqual(switches.split("pump:--reads multishot"), (switches.SWITCHES["pump"], "--reads multishot"))
        self.assertEqual(switches.split("ovs:dpdk-extra=a:b")[1], "dpdk-extra=a:b")
        with self.assertRaises(KeyError):
            switches.split("nosuch")

    def test_each_switch_says_what_it_is(self):
        for name, kind in switches.SWITCHES.items():
            with self.subTest(name):
                self.assertEqual(kind.name, name)
                self.assertIn(kind.kind, ("device", "vhost"))
                self.assertEqual(kind.kind == "vhost", kind.ports == "vhost-user")
                self.assertTrue(kind.title)
                self.assertTrue(kind.package or not kind.programs)

    def test_names_tell_whose_they_are(self):
        self.assertEqual(lab.owner("rbb4711-1a"), 4711)
        self.assertIsNone(lab.owner("rbb-1a"))
        self.assertIsNone(lab.owner("other4711-1a"))


class Made(Switch):
    """Starts a process, and then fails if the test wants that."""

    name = title = "made"

    def start(self):
        self.program = self.run_program("sleep", ["sleep", 1000], cpus=None)
        if self.options:
            raise lab.Failed("as told")


class WithLab(unittest.TestCase):
    def setUp(self):
        self.resources = self.enterContext(contextlib.ExitStack())
        self.directory = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        for name in ("DIRECTORIES", "NAMESPACES", "DPDK_FILES"):
            (self.directory / name).mkdir()
            self.enterContext(mock.patch.object(lab, name, self.directory / name))
        self.enterContext(mock.patch.object(tempfile, "tempdir", str(self.directory / "DIRECTORIES")))
        self.lab = lab.Lab(self.resources, argparse.Namespace(build_dir="build", realtime=False, load_cpus=[0], switch_cpu=0))


class Switches(WithLab):
    def test_one_that_fails_to_start_leaves_nothing(self):
        started = []
        original = Made.run_program
        with mock.patch.object(Made, "run_program", lambda *words, **more: started.append(original(*words, **more)) or
                               started[-1]), self.assertRaisesRegex(lab.Failed, "as told"):
            Made(self.lab, "fail")
        self.assertTrue(started[0].ended)

    def test_stopping_twice_is_stopping(self):
        switch = Made(self.lab)
        self.assertEqual(switch.pids, [switch.program.pid])
        switch.stop()
        switch.stop()
        self.assertTrue(switch.program.ended)
        with self.assertRaises(lab.Failed):
            switch.resume()

    def test_options_are_in_its_name(self):
        with self.assertRaises(lab.Failed):
            Made(self.lab, "a  b")
        with mock.patch.object(Made, "start", lambda switch: None):
            self.assertEqual(Made(self.lab, "--a 'b c'").name, "made:--a 'b c'")
            self.assertEqual(Made(self.lab, "--a 'b c'").options, ["--a", "b c"])

    def test_what_it_cannot_is_told(self):
        with self.assertRaisesRegex(lab.Unsupported, "no more than 2 ports"):
            Made(self.lab, port_count=3)
        self.lab.mtu = 9000
        with mock.patch.object(Made, "largest_mtu", 1500), self.assertRaisesRegex(lab.Unsupported, "1518 octets"):
            Made(self.lab)

    def test_a_missing_program_is_told_with_its_package(self):
        with mock.patch.multiple(Made, programs=("sleep", "no-such-program"), package="parcel"):
            self.assertEqual(Made.lacks(), "there is no no-such-program (Debian package parcel)")
        self.assertIsNone(Made.lacks())


class Programs(WithLab):
    def start(self, *command, **where):
        return lab.Program("it", command, self.directory / "log", self.resources, **where)

    def test_it_answers_by_lines(self):
        program = self.start("cat", stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        program.write_line("one\ntwo")
        self.assertEqual([program.read_line(10), program.read_line(10)], ["one", "two"])
        with self.assertRaisesRegex(lab.Failed, "it did not answer in 0.01 s"):
            program.read_line(0.01)

    def test_what_it_said_is_in_the_complaint(self):
        program = self.start("sh", "-c", "echo alas >&2")
        with self.assertRaisesRegex(lab.Failed, "it did not begin:\nalas"):
            program.wait_until(lambda: False, "begin")

    def test_it_ends_when_it_is_paused(self):
        program = self.start("sleep", "1000")
        program.pause()
        program.stop()
        self.assertTrue(program.ended)

    def test_it_ends_with_the_one_that_started_it(self):
        script = ("import pathlib, contextlib, os, sys; from measure import lab\n"
                  "program = lab.Program('it', ['sleep', '1000'], pathlib.Path(sys.argv[1]), contextlib.ExitStack())\n"
                  "print(program.pid, flush=True)\n"
                  "command = pathlib.Path(f'/proc/{program.pid}/cmdline')\n"
                  "while command.read_bytes().split(b'\\0')[0] != b'sleep': pass\n"
                  "os.kill(os.getpid(), 9)")
        done = subprocess.run([sys.executable, "-c", script, self.directory / "log"], capture_output=True, text=True,
                              env={**os.environ, "PYTHONPATH": sys.path[0]})
        self.assertEqual(done.returncode, -9, done.stderr)
        cmdline = pathlib.Path(f"/proc/{int(done.stdout)}/cmdline")
        deadline = time.monotonic() + 10
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            while cmdline.read_bytes() and time.monotonic() < deadline:  # the cmdline of a zombie is empty
                time.sleep(0.01)
            self.assertEqual(cmdline.read_bytes(), b"")

    def test_a_command_that_fails_says_so(self):
        with self.assertRaisesRegex(lab.Failed, "sh -c .*: alas"):
            lab.run("sh", "-c", "echo alas >&2; false")
        with self.assertRaisesRegex(lab.Failed, "there is no such program"):
            lab.run("/no/such/program")
        self.assertEqual(lab.run("cat", lines=["a", "b"]), "a\nb\n")

    def test_threads_take_processor_time(self):
        before = lab.processor_time(os.getpid())
        while lab.processor_time(os.getpid()) < before + 0.02:
            pass


class Sweep(WithLab):
    def test_only_what_killed_runs_left_goes(self):
        ended = subprocess.Popen(["true"])
        ended.wait()
        pages = self.directory / "pages"
        pages.mkdir()
        (pages / "nr_hugepages").write_text("100\n")
        for pid in (ended.pid, os.getpid()):
            (lab.DIRECTORIES / f"rbb{pid}-x").mkdir()
            (lab.DPDK_FILES / f"rbb{pid}-1").mkdir()
            (lab.NAMESPACES / f"rbb{pid}-1a").touch()
            (lab.DIRECTORIES / f"rbb{pid}-x" / lab.PAGES_MADE).write_text("40")
        (lab.DIRECTORIES / "rbb-other").mkdir()
        with mock.patch.object(lab, "HUGE_PAGES", pages), mock.patch.object(lab, "remove_namespace") as removed:
            lab.sweep()
        removed.assert_called_once_with(f"rbb{ended.pid}-1a")
        self.assertFalse((lab.DIRECTORIES / f"rbb{ended.pid}-x").exists())
        self.assertFalse((lab.DPDK_FILES / f"rbb{ended.pid}-1").exists())
        self.assertTrue((lab.DIRECTORIES / f"rbb{os.getpid()}-x").exists())
        self.assertTrue((lab.DIRECTORIES / "rbb-other").exists())
        self.assertEqual((pages / "nr_hugepages").read_text(), "60")


if __name__ == "__main__":
    unittest.main()
