# SPDX-License-Identifier: GPL-2.0-or-later
"""vde_switch of Virtual Distributed Ethernet, on taps that it makes and that are then moved to the hosts."""
import re
import socket
import subprocess

from ..lab import PATIENCE_S, Failed, run
from .base import DeviceSwitch

PROGRAM = "vde_switch"
PROMPT = b"\nvde$ "
HASH_SIZE = 1 << 20  # heads of chains; how many stations there are is not bounded
AGEING_S = 300  # as the others have it (802.1Q table 8-6); its own default is 100
# Its collector walks through the whole table each time, which forwards nothing meanwhile; by default every 2 seconds.
COLLECTOR_INTERVAL_S = 60
NO_VLAN = 0xFFF


class Vde(DeviceSwitch):
    title = "VDE"
    ports = "tap"
    most_ports = 256
    package = "vde2"
    programs = (PROGRAM,)
    largest_mtu = 1500  # it has buffers of 1,518 octets

    @property
    def version(self):
        return re.search(r"VDE (\S+)", run(PROGRAM, "--version"))[1]

    def connect(self):
        middle = self.namespace("-vde")
        self.management = self.directory / "management.sock"
        # Port 0 is not given to taps.
        self.program = self.run_program(PROGRAM, [
            PROGRAM, "--numports", self.port_count + 1, "--hashsize", HASH_SIZE, "--sock", self.directory / "sockets",
            "--mgmt", self.management, *(word for device in self.devices for word in ("--tap", device)), *self.options],
            netns=middle, realtime=self.lab.realtime, stdin=subprocess.PIPE)  # it ends with its standard input
        self.program.wait_until(self.management.is_socket, "make its socket")
        if self.program.says("ERROR"):
            self.program.fail("has not all ports")
        self.tell(f"hash/setexpire {AGEING_S}", f"hash/setgcint {COLLECTOR_INTERVAL_S}")
        if self.vlan is not None:
            ports = range(1, self.port_count + 1)
            self.tell(f"vlan/create {self.vlan}", *(f"vlan/addport {self.vlan} {port}" for port in ports),
                      *(f"port/setvlan {port} {NO_VLAN}" for port in ports))
        run("ip", "-n", middle, "-batch", "-", lines=[f"link set dev {device} netns {host}"
                                                      for device, host in zip(self.devices, self.hosts)])

    def tell(self, *commands):
        """Sends commands to its console. Each answer ends with a number and a word."""
        with socket.socket(socket.AF_UNIX) as console:
            console.settimeout(PATIENCE_S)
            console.connect(str(self.management))
            self._answer(console)
            for command in commands:
                console.sendall(f"{command}\n".encode())
                answer = self._answer(console)
                if "1000 Success" not in answer:
                    raise Failed(f"vde_switch, {command}: {' '.join(answer.split())}")

    def _answer(self, console):
        said = b""
        while not said.endswith(PROMPT):
            octets = console.recv(65536)
            if not octets:
                self.program.fail("ended")
            said += octets
        return said.decode(errors="replace")

    def flush(self):
        self.tell(f"hash/setsize {HASH_SIZE}")  # this makes a new, empty table
