# SPDX-License-Identifier: GPL-2.0-or-later
"""DPDK's testpmd, which passes frames from one port to the other. It shows the cost of the rings in DPDK."""
import contextlib
import re
import subprocess

from ..lab import END_S, Unsupported
from .base import Switch

PROGRAM = "dpdk-testpmd"
PROMPT = b"testpmd> "
RING_SIZE = 1024  # descriptors
BURST = 64  # frames that it takes and gives at a time
BUFFERS = 8192  # they fill all rings and stay in the cache; its default walks through 350 MiB
BUFFER_SIZE = 2176  # octets, DPDK's own default
HEADROOM = 176  # octets of a buffer, and of a frame beyond its MTU
MEMORY_MIB = 128
HUGE_PAGES = MEMORY_MIB // 2 + 8


class Testpmd(Switch):
    """testpmd reads no octet of a frame and learns nothing."""

    title = "testpmd"
    ports = "vhost-user"
    kind = "vhost"
    package = "dpdk-dev"
    programs = (PROGRAM,)
    polls = True

    @property
    def version(self):
        said = re.search(r"RTE Version: '(.+)'", self.program.log.read_text())
        return said[1] if said else "unknown"

    def start(self):
        if self.vlan is not None:
            raise Unsupported("testpmd does not support VLANs")
        prefix = self.lab.dpdk_files(self.id, self.resources)
        self.lab.huge_pages(HUGE_PAGES, self.resources)
        sockets = [self.directory / f"p{port}.sock" for port in range(self.port_count)]
        cpu = self.lab.switch_cpu
        buffer_size = max(BUFFER_SIZE, self.mtu + HEADROOM)
        tso = ",tso=1" if self.lab.super_frames else ""
        # Memory is anonymous (--in-memory), so that no file of it stays behind.
        command = [PROGRAM, "-v", "--lcores", f"0@{cpu},1@{cpu}", "--no-pci", "--iova-mode=va", "--in-memory",
                   "--no-telemetry", f"--file-prefix={prefix}", f"--socket-mem={MEMORY_MIB}", "--single-file-segments",
                   *(f"--vdev=net_vhost{port},iface={path},queues=1{tso}" for port, path in enumerate(sockets)), "--", "-i",
                   "--nb-cores=1", "--forward-mode=io", f"--total-num-mbufs={BUFFERS}", f"--mbuf-size={buffer_size}",
                   f"--txd={RING_SIZE}", f"--rxd={RING_SIZE}", f"--burst={BURST}", *self.options]
        # stdbuf makes testpmd write lines, even to a pipe, so that an answer is complete when the prompt comes.
        self.program = self.run_program("testpmd", ["stdbuf", "-oL", *command], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE)
        self.resources.callback(self._quit)
        self.program.read_until(PROMPT, "start")
        self.program.wait_until(lambda: all(path.is_socket() for path in sockets), "make its sockets")
        self.program.write_line("start")
        self.program.read_until(PROMPT, "begin to forward")
        self.load_ports = self.guests_on(sockets)

    def _quit(self):
        """Ends testpmd in order, so that it removes its files."""
        self.program.resume()
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            self.program.process.stdin.write(b"quit\n")
            self.program.process.stdin.close()
            self.program.process.wait(END_S)
