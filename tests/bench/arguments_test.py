# SPDX-License-Identifier: GPL-2.0-or-later
"""Tests the command line of rbbench."""
import contextlib
import io
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "bench"))

from measure import arguments  # noqa: E402


def refusal(*words):
    """Returns the error message for an invalid command line."""
    said = io.StringIO()
    with contextlib.redirect_stderr(said):
        try:
            arguments.parse(list(words))
        except SystemExit:
            return said.getvalue()
    return None


class Arguments(unittest.TestCase):
    def test_have_defaults_of_their_suite(self):
        usual, quick = arguments.parse([]), arguments.parse(["--suite", "quick"])
        self.assertEqual(usual.tests, arguments.USUAL_TESTS)
        self.assertEqual((usual.rounds, quick.rounds), (5, 1))
        self.assertEqual(usual.port_counts, [2])

    def test_are_heard_over_the_suite(self):
        options = arguments.parse(["--suite", "quick", "--sizes", "64,imix,9000", "--vlans", "none,10", "--rounds", "3",
                                   "--tests", "rate,tcp", "--switch", "pump:--reads multishot,pump"])
        self.assertEqual(options.sizes, [64, "IMIX", 9000])
        self.assertEqual(options.vlans, [None, 10])
        self.assertEqual((options.rounds, options.tests), (3, ["rate", "tcp"]))
        self.assertEqual(options.switch, ["pump:--reads multishot", "pump"])

    def test_that_make_no_sense_are_refused_with_the_reason(self):
        for words, reason in [
                (["--sizes", "63"], "'63' is not a list of frame sizes"),
                (["--sizes", "64,,"], "not a list of frame sizes"),
                (["--tests", "speed"], "not a list of tests: rate"),
                (["--switch", "cisco"], "not 'cisco'"),
                (["--switch", "ovs,ovs"], "one switch twice"),
                (["--vlans", "4095"], "not a list of VIDs"),
                (["--port-counts", "1"], "numbers of ports from 2 to 256"),
                (["--rounds", "0"], "not a number from 1"),
                (["--seconds", "nan"], "not a number"),
                (["--ports", "eth0"], "--ports needs two"),
                (["--from", "x.json"], "--from needs"),
                (["--json", "/nowhere/x.json"], "no directory /nowhere for x.json"),
                (["--load-cpus", "4096"], "not a list of processors")]:
            self.assertIn(reason, refusal(*words) or "it was accepted", words)


if __name__ == "__main__":
    unittest.main()
