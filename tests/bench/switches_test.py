# SPDX-License-Identifier: GPL-2.0-or-later
"""Tests the choice of the build of ringbridge."""
import pathlib
import sys
import tempfile
import types
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "bench"))

from measure.lab import Unsupported  # noqa: E402
from measure.switches.ringbridge import programs_and_options  # noqa: E402


def switch(*options):
    return types.SimpleNamespace(options=list(options), lab=types.SimpleNamespace(programs=pathlib.Path("/usual")))


class AnotherBuild(unittest.TestCase):
    def test_without_one_the_usual_is_taken(self):
        self.assertEqual(programs_and_options(switch("--workers", "2")), (pathlib.Path("/usual"), ["--workers", "2"]))

    def test_its_option_is_not_the_daemons(self):
        with tempfile.TemporaryDirectory() as directory:
            build = pathlib.Path(directory).resolve()
            (build / "control").mkdir()
            (build / "control/ringbridged").touch()
            self.assertEqual(programs_and_options(switch("--workers", "2", "--build", directory, "--fdb-size", "9")),
                             (build, ["--workers", "2", "--fdb-size", "9"]))

    def test_one_that_is_not_there_is_refused_by_its_name(self):
        with self.assertRaisesRegex(Unsupported, "--build /nowhere"):
            programs_and_options(switch("--build", "/nowhere"))


if __name__ == "__main__":
    unittest.main()
