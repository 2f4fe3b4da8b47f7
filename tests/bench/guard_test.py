#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Tests bench/guard: its verdicts about figures, and its messages if there are none."""
import contextlib
import importlib.machinery
import importlib.util
import io
import json
import pathlib
import stat
import tempfile
import unittest
from unittest import mock

ROOT = pathlib.Path(__file__).resolve().parents[2]


def load(path):
    """Loads a program without .py as a module."""
    loader = importlib.machinery.SourceFileLoader(f"{path.name}_program", str(path))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
    with mock.patch("sys.dont_write_bytecode", True):
        loader.exec_module(module)
    return module


guard = load(ROOT / "bench/guard")


def failed(verdicts):
    return [verdict.scene for verdict in verdicts if verdict.failed]


class Comparison(unittest.TestCase):
    def test_fails_above_the_threshold_alone(self):
        old = {"under": 100.0, "at": 100.0, "above": 100.0, "less": 100.0}
        new = {"under": 102.9, "at": 103.0, "above": 103.1, "less": 50.0}
        self.assertEqual(failed(guard.compare(old, new, 0.03)), ["above"])

    def test_takes_another_threshold(self):
        old, new = {"relay": 1000.0}, {"relay": 1040.0}
        self.assertEqual(failed(guard.compare(old, new, 0.03)), ["relay"])
        self.assertEqual(failed(guard.compare(old, new, 0.05)), [])
        self.assertEqual(failed(guard.compare(old, old, 0)), [])

    def test_says_how_much_a_scene_has_changed(self):
        [verdict] = guard.compare({"relay": 200.0}, {"relay": 150.0}, 0.03)
        self.assertAlmostEqual(verdict.change, -0.25)

    def test_fails_when_a_scene_has_gone(self):
        verdicts = guard.compare({"relay": 100.0, "flood": 100.0}, {"relay": 100.0}, 0.03)
        self.assertEqual(failed(verdicts), ["flood"])
        self.assertIn("has gone", guard.line_of(verdicts[1]))

    def test_lets_a_new_scene_pass(self):
        verdicts = guard.compare({"relay": 100.0}, {"relay": 100.0, "vring": 900.0}, 0.03)
        self.assertEqual(failed(verdicts), [])
        self.assertEqual([verdict.scene for verdict in verdicts], ["relay", "vring"])
        self.assertIn("new", guard.line_of(verdicts[1]))


class Counting(unittest.TestCase):
    def test_reads_what_callgrind_counted(self):
        self.assertEqual(guard.counted_instructions("events: Ir\nfn=(1)\n5 12\nsummary: 4711\n"), 4711)
        self.assertEqual(guard.counted_instructions("events: Ir\ntotals: 12\n"), 12)

    def test_refuses_a_file_in_which_nothing_was_counted(self):
        for text in ("", "events: Ir\n", "summary: 0\n"):
            with self.assertRaisesRegex(guard.CannotRun, "counted nothing"):
                guard.counted_instructions(text)


class Program(unittest.TestCase):
    """Tests main() with builds and counts of the test."""

    def setUp(self):
        self.figures = {"old": {"relay": 100.0}, "new": {"relay": 104.0}}
        self.enterContext(mock.patch.object(guard.shutil, "which", return_value="/usr/bin/valgrind"))
        self.enterContext(mock.patch.object(guard, "program_for", lambda what, _resources: what or "new"))
        self.enterContext(mock.patch.object(
            guard, "measure", lambda program: (self.figures[program], {"relay": "a frame", "flood": "a flood"})))

    # This is the method of Python 3.11, for older versions.
    def enterContext(self, context):
        value = context.__enter__()
        self.addCleanup(context.__exit__, None, None, None)
        return value

    def run_guard(self, *arguments):
        """Returns exit code, output and error output."""
        printed, complaints = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(complaints):
            code = guard.main(arguments)
        return code, printed.getvalue(), complaints.getvalue()

    def test_exits_with_1_when_a_scene_takes_more(self):
        code, printed, _ = self.run_guard("old", "new")
        self.assertEqual(code, 1)
        self.assertIn("+4.00%", printed)
        self.assertIn("FAILED", printed)

    def test_exits_with_0_below_the_threshold_it_was_given(self):
        code, printed, _ = self.run_guard("old", "new", "--threshold", "5")
        self.assertEqual(code, 0)
        self.assertIn("no scene takes more than 5 % more", printed)

    def test_compares_with_the_tree_as_it_stands_by_default(self):
        self.assertEqual(self.run_guard("old")[0], 1)
        self.figures["new"] = {"relay": 90.0}
        self.assertEqual(self.run_guard("old")[0], 0)

    def test_exits_with_1_when_a_scene_has_gone(self):
        self.figures = {"old": {"relay": 100.0, "flood": 100.0}, "new": {"relay": 100.0}}
        code, printed, _ = self.run_guard("old", "new")
        self.assertEqual(code, 1)
        self.assertIn("gone: flood", printed)

    def test_only_prints_when_it_is_told_to(self):
        code, printed, _ = self.run_guard("--print", "new")
        self.assertEqual(code, 0)
        self.assertIn("104.0  a frame", printed)

    def test_writes_the_figures_as_json(self):
        with tempfile.TemporaryDirectory() as directory:
            path = pathlib.Path(directory) / "figures.json"
            self.run_guard("old", "new", "--json", str(path))
            document = json.loads(path.read_text())
        self.assertEqual(document["failed"], ["relay"])
        self.assertEqual(document["scenes"]["relay"]["old"], 100.0)

    def test_says_that_valgrind_is_missing(self):
        guard.shutil.which.return_value = None
        code, _, complaints = self.run_guard("--print")
        self.assertEqual(code, 2)
        self.assertIn("apt-get install valgrind", complaints)

    def test_refuses_to_compare_nothing(self):
        for arguments in ([], ["one", "two", "three"], ["--print", "one", "two"], ["old", "--threshold", "-1"]):
            with self.assertRaises(SystemExit):
                self.run_guard(*arguments)


class Builds(unittest.TestCase):
    """Tests the messages about builds that cannot be counted. The tests build nothing."""

    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.place = pathlib.Path(directory.name)

    def refusal(self, what):
        with contextlib.ExitStack() as resources, self.assertRaises(guard.CannotRun) as caught:
            guard.program_for(str(what), resources)
        return str(caught.exception)

    def repository(self):
        """Makes a repository with one commit and without the guard program."""
        run = lambda *words: guard.run("git", "-C", self.place, "-c", "user.name=n", "-c", "user.email=e", *words)
        guard.run("git", "init", "--quiet", self.place)
        (self.place / "README").write_text("nothing\n")
        run("add", "README")
        run("commit", "--quiet", "--no-gpg-sign", "--message", "first")
        return mock.patch.object(guard, "ROOT", self.place)

    def test_a_revision_without_the_program(self):
        with self.repository():
            self.assertIn("revision HEAD has no bench/guard_load.cpp", self.refusal("HEAD"))

    def test_neither_a_revision_nor_a_directory(self):
        with self.repository():
            self.assertIn("neither a build directory nor a revision", self.refusal("no-such-thing"))

    def test_a_directory_that_is_no_build(self):
        with self.repository():
            self.assertIn("is no build directory", self.refusal(self.place))

    def test_a_build_without_the_program(self):
        (self.place / "CMakeCache.txt").touch()
        self.assertIn("--target guard_load", self.refusal(self.place))

    def test_takes_the_program_of_a_build(self):
        (self.place / "CMakeCache.txt").touch()
        program = self.place / "bench/guard_load"
        program.parent.mkdir()
        program.touch()
        program.chmod(stat.S_IRWXU)
        self.assertEqual(guard.program_for(str(self.place), None), program)


if __name__ == "__main__":
    unittest.main()
