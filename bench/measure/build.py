# SPDX-License-Identifier: GPL-2.0-or-later
"""Builds the switch and the load generator, unless the user has named a build."""
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAMS = ["ringbridged", "rbctl", "pump", "rbload", "workers_bench"]


def _run(*command):
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")


def build():
    """Installs missing packages, builds in build/bench, and returns that directory."""
    directory = ROOT / "build/bench"
    needed = '"${BUILD_PACKAGES[@]}" "${RUN_PACKAGES[@]}" libbenchmark-dev'
    _run("bash", "-c", f'source "{ROOT}/tests/tools/packages.sh"; install_missing {needed}')
    _run("cmake", "-S", ROOT, "-B", directory, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release", "-DBUILD_TESTING=OFF",
         "-DRB_BENCH=ON")
    _run("cmake", "--build", directory, "--target", *PROGRAMS)
    return directory
