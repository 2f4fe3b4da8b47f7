# SPDX-License-Identifier: GPL-2.0-or-later
"""Measures the share of a switch's time in its own code, and in the kernel."""
import signal
import subprocess
import tempfile

from .scene import flows_of


def userspace_share(scene, seconds):
    """Profiles the switch's processes under 64-octet frames, and returns the share of samples outside the kernel."""
    flows = flows_of("pair", 2, 64)
    scene.teach(flows)
    with tempfile.TemporaryDirectory() as directory:
        data = f"{directory}/perf.data"
        recorder = subprocess.Popen(["perf", "record", "-q", "-e", "cpu-clock", "-F", "4000", "-o", data, "-p",
                                     ",".join(map(str, scene.switch.pids))], stderr=subprocess.DEVNULL)
        scene.at_full_load(flows, seconds)
        recorder.send_signal(signal.SIGINT)
        recorder.wait()
        script = subprocess.run(["perf", "script", "-i", data, "-F", "ip,sym,dso"], capture_output=True, text=True, check=True)
    samples = [line for line in script.stdout.splitlines() if line.strip()]
    return sum("[kernel" not in line for line in samples) / max(1, len(samples))
