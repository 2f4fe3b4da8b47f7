# SPDX-License-Identifier: GPL-2.0-or-later
"""Requests to the load generator rbload, and its answers."""
import json

PATIENCE_S = 60  # limit for an answer, beyond the length of the trial
# Frame sizes of the Internet mix, in its proportion 7:4:1.
IMIX = [64] * 7 + [594] * 4 + [1518]
BROADCAST = "broadcast"


def flow(from_, to, sizes=64, **more):
    """Returns a request to rbload for frames from a port to the stations of another port, or of several in turn."""
    return {"from": from_, "to": to, "sizes": sizes if isinstance(sizes, list) else [sizes], **more}


class Trial:
    """An answer of rbload: sums over flows and ports, and values derived from them."""

    def __init__(self, answer):
        self.answer, self.window, self.total = answer, answer["window"], answer.get("total")

    @property
    def rate(self):
        """Frames a second that came out in the window. Copies of a flooded frame count once."""
        return min(sum(self.window["received"]), sum(self.window["sent"])) / self.window["seconds"]

    @property
    def copies(self):
        """Frames a second that came out, every copy counted."""
        return sum(self.window["received"]) / self.window["seconds"]

    @property
    def flooded(self):
        """The number of copies beyond one for each frame, as a share of the frames."""
        return max(0, sum(self.window["received"]) / max(1, sum(self.window["sent"])) - 1)

    @property
    def offered(self):
        return sum(self.window["sent"]) / self.window["seconds"]

    @property
    def refused(self):
        """Frames a second that the switch's ports did not take."""
        return sum(self.window["refused"]) / self.window["seconds"]

    @property
    def sent(self):
        return sum(self.total["sent"])

    @property
    def received(self):
        return sum(self.total["received"])

    @property
    def latency(self):
        return self.answer["latency"]

    def costs(self, units=None):
        """Returns the processor time of a unit (by default a frame that came out)."""
        units = sum(self.window["received"]) if units is None else units
        if not units:
            return {"machine_ns": None, "switch_ns": None, "busy": self.window.get("busy")}
        switch_s = self.window["switch_s"]
        return {"machine_ns": self.window["machine_s"] / units * 1e9,
                "switch_ns": switch_s / units * 1e9 if switch_s else None, "busy": self.window.get("busy")}


class Load:
    """A running rbload with the ports of one switch."""

    def __init__(self, lab, name, load_ports, pids):
        self.pids = list(pids)
        words = [word for port in load_ports for word in ("--port", port)]
        self.program = lab.load_program(name, words)
        self.name = name
        self._answer(PATIENCE_S)

    def _answer(self, seconds):
        line = self.program.read_line(seconds)
        answer = json.loads(line)
        if "error" in answer:
            self.program.fail(f"refused a trial: {answer['error']}")
        return answer

    def ask(self, request):
        self.program.write_line(json.dumps(request))
        return Trial(self._answer(request.get("seconds", 1) + PATIENCE_S))

    def frames(self, flows, seconds, **more):
        return self.ask({"trial": "frames", "flows": flows, "seconds": seconds, "pids": self.pids, **more})

    def tcp(self, hosts, streams, seconds):
        return self.ask({"trial": "tcp", "from": hosts[0], "to": hosts[1], "address": "192.168.223.2",
                         "streams": streams, "seconds": seconds, "pids": self.pids})
