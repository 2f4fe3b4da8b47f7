#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Lets real shells complete commands of rbctl by the files in completion/.

Usage: shells_test.py SOURCE_DIR RBCTL

No daemon runs, so the names of bridges and ports are not part of this test; tests/control/rbctl/completion_test.cpp
covers them. A shell that is not installed is skipped.
"""

import os
import pty
import re
import select
import shutil
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

SOURCE = Path(sys.argv[1]).resolve()
RBCTL = Path(sys.argv[2]).resolve()
PATIENCE_S = 20  # a shell that says nothing for so long hangs


class Terminal:
    """A shell at a terminal of its own, in a directory with a file to complete."""

    def __init__(self, directory, *command):
        environment = {
            "PATH": f"{RBCTL.parent}:{os.environ['PATH']}", "TERM": "dumb", "HOME": directory, "LC_ALL": "C",
            "RINGBRIDGE_SOCKET": f"{directory}/none.sock",
        }
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(directory)
            os.execvpe(command[0], list(command), environment)
        self.text = ""

    def send(self, text):
        os.write(self.fd, text.encode())

    def expect(self, pattern):
        """Waits until the terminal shows what matches."""
        end = time.monotonic() + PATIENCE_S
        while not re.search(pattern, self.text):
            ready, _, _ = select.select([self.fd], [], [], max(0, end - time.monotonic()))
            if not ready:
                raise AssertionError(f"the terminal never shows {pattern!r}: {self.text!r}")
            self.text += os.read(self.fd, 65536).decode(errors="replace")
        self.text = self.text[re.search(pattern, self.text).end():]

    def close(self):
        os.kill(self.pid, 9)
        os.waitpid(self.pid, 0)
        os.close(self.fd)


def lists(*words):
    """The words in any order, with blanks or lines between them."""
    return "".join(rf"(?=[\s\S]*\b{re.escape(word)}\s)" for word in words)


class Shells(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.directory)
        Path(self.directory, "lab.batch").touch()

    def complete_at(self, terminal):
        """The same keys for every shell with a line editor."""
        for typed, shown in [
            ("rbctl port tap0 mode acc\t", r"mode access $"),
            ("rbctl vla\t", r"vlan $"),
            ("rbctl vlan map \t\t", lists("show", "add", "del")),
            ("rbctl link set br0 loop_guard rep\t", r"report $"),
            ("rbctl addif br0 vho\t", r"vhost-user:$"),
            ("rbctl --batch lab\t", r"lab\.batch $"),
            ("rbctl fdb get 02:aa:00:00:00:01 b\t", r"01 br $"),
        ]:
            with self.subTest(typed=typed):
                terminal.send(typed)
                terminal.expect(shown)
                terminal.send("\x15\n")  # forget the line
                terminal.expect(r"ready> $")

    @unittest.skipUnless(shutil.which("bash"), "bash is not installed")
    def test_bash(self):
        Path(self.directory, "rc").write_text(
            f"source {SOURCE}/completion/rbctl.bash; bind 'set bell-style none'; PS1='ready> '\n")
        terminal = Terminal(self.directory, "bash", "--noprofile", "--rcfile", f"{self.directory}/rc", "-i")
        self.addCleanup(terminal.close)
        terminal.expect(r"ready> $")
        self.complete_at(terminal)

    @unittest.skipUnless(shutil.which("zsh"), "zsh is not installed")
    def test_zsh(self):
        Path(self.directory, ".zshrc").write_text(
            f"fpath=({SOURCE}/completion $fpath); autoload -Uz compinit; compinit -u -D\n"
            "unset zle_bracketed_paste; unsetopt beep prompt_cr prompt_sp; PS1='ready> '\n")
        terminal = Terminal(self.directory, "zsh", "--no-globalrcs", "-i")
        self.addCleanup(terminal.close)
        terminal.expect(r"ready> $")
        self.complete_at(terminal)

    @unittest.skipUnless(shutil.which("fish"), "fish is not installed")
    def test_fish(self):
        environment = dict(os.environ, PATH=f"{RBCTL.parent}:{os.environ['PATH']}", HOME=self.directory,
                           RINGBRIDGE_SOCKET=f"{self.directory}/none.sock")
        for typed, candidates in [
            ("rbctl port tap0 mode acc", {"access"}),
            ("rbctl vla", {"vlan"}),
            ("rbctl vlan map ", {"show", "add", "del", "dev"}),
            ("rbctl link set br0 loop_guard ", {"off", "report", "block"}),
            ("rbctl addif br0 vho", {"vhost-user:"}),
            ("rbctl --batch lab", {"lab.batch"}),
        ]:
            with self.subTest(typed=typed):
                shown = subprocess.run(
                    ["fish", "--no-config", "-c", f"source {SOURCE}/completion/rbctl.fish; complete -C '{typed}'"],
                    cwd=self.directory, env=environment, check=True, capture_output=True, text=True).stdout
                self.assertEqual({line.split("\t")[0] for line in shown.splitlines()}, candidates)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
