# SPDX-License-Identifier: GPL-2.0-or-later
"""The surroundings of switches and hosts: namespaces, processes that end with this one, directories and huge pages.

An ExitStack gets everything as soon as it exists, and so removes it however the program ends. Processes end with the
program even if it is killed. The next run removes all other things that a killed run left.
"""
import contextlib
import itertools
import os
import pathlib
import re
import select
import shutil
import signal
import subprocess
import tempfile
import time

from .case import USUAL_MTU

PATIENCE_S = 60  # limit for a program to start or to answer; a busy machine can be slow
END_S = 10  # time for a program to end by itself
NICENESS = -10  # other work should disturb little, but must go on beside threads that never sleep
LAST_LINES = 20  # lines of a log in an error message
DIRECTORIES = pathlib.Path(tempfile.gettempdir())
NAMESPACES = pathlib.Path("/run/netns")
DPDK_FILES = pathlib.Path("/run/dpdk")
HUGE_PAGES = pathlib.Path("/sys/kernel/mm/hugepages/hugepages-2048kB")
PAGES_MADE = "huge_pages"  # name of the file with the number of pages that a run has made
# The kernel must send no router solicitations and the like between the counted frames. The devices of all even ports
# share a namespace, and so do those of all odd ports, so only the device that has an address may answer for it.
QUIET = {"net/ipv6/conf/all/disable_ipv6": 1, "net/ipv6/conf/default/disable_ipv6": 1,
         "net/ipv4/conf/all/arp_ignore": 1}


class Failed(Exception):
    """An operation failed that should work. The text tells which."""


class Unsupported(Exception):
    """A switch does not support the request. The text tells why."""


def run(*command, lines=None):
    """Runs a command, with optional lines as its input, and returns its output."""
    words = [str(word) for word in command]
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=PATIENCE_S,
                              input="".join(f"{line}\n" for line in lines) if lines is not None else "")
    except subprocess.TimeoutExpired:
        raise Failed(f"{' '.join(words)}: no answer in {PATIENCE_S} s") from None
    except FileNotFoundError:
        raise Failed(f"{words[0]}: there is no such program") from None
    if done.returncode != 0:
        raise Failed(f"{' '.join(words)}: {done.stderr.strip() or done.stdout.strip() or done.returncode}")
    return done.stdout


def version_of(programs):
    """Returns the version of the ringbridge in a build directory."""
    return run(programs / "control/ringbridged", "--version").split()[-1]


def processor_time(pid):
    """Returns the seconds that all threads of a process have run."""
    nanoseconds = 0
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # the process has ended meanwhile
            nanoseconds += int((task / "schedstat").read_text().split()[0])
    return nanoseconds / 1e9


def owner(name):
    """Returns the process whose run gave this name, or None if the name is of another kind."""
    match = re.fullmatch(r"rbb(\d+)-.*", name)
    return int(match[1]) if match else None


class Program:
    """A process that ends with this one, however this one ends, and its output.

    The main thread must start it: the kernel ends the process with the thread that started it.
    """

    def __init__(self, name, command, log, resources, cpus=None, realtime=False, netns=None, **where):
        self.name, self.log, self._said = name, log, b""
        # Each of these programs executes the next, so that in the end the process is the program itself.
        words = ["setpriv", "--pdeathsig", "KILL"]
        words += ["nsenter", f"--net={NAMESPACES / netns}"] if netns else []
        words += ["taskset", "-c", ",".join(map(str, cpus))] if cpus else []
        words += ["chrt", "--fifo", "1"] if realtime else []
        with open(log, "wb") as end:
            self.process = subprocess.Popen([*words, *map(str, command)],
                                            start_new_session=True,  # Ctrl-C goes to this script only, which ends all programs in order
                                            **{"stdin": subprocess.DEVNULL, "stdout": end, "stderr": end, **where})
        self.pid = self.process.pid
        resources.callback(self.stop)
        if self.process.stdout:
            os.set_blocking(self.process.stdout.fileno(), False)
        with contextlib.suppress(OSError):  # if sessions share the processors, niceness has an effect only within a session
            pathlib.Path(f"/proc/{self.pid}/autogroup").write_text(str(NICENESS))

    def pause(self):
        self.process.send_signal(signal.SIGSTOP)

    def resume(self):
        self.process.send_signal(signal.SIGCONT)

    def stop(self):
        if not self.ended:
            self.process.terminate()
            self.resume()
            try:
                self.process.wait(END_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        for pipe in filter(None, (self.process.stdin, self.process.stdout)):
            with contextlib.suppress(OSError):
                pipe.close()

    @property
    def ended(self):
        return self.process.poll() is not None

    def fail(self, what):
        said = self.log.read_text(errors="replace").splitlines()[-LAST_LINES:]
        raise Failed("\n".join([f"{self.name} {what}" + (":" if said else ""), *said]))

    def wait_until(self, true, what, patience_s=PATIENCE_S):
        deadline = time.monotonic() + patience_s
        while not true():
            if self.ended or time.monotonic() >= deadline:
                self.fail(f"did not {what}")
            time.sleep(0.01)

    def says(self, text):
        return text in self.log.read_text(errors="replace")

    def write_line(self, text):
        """Writes a line to the program's standard input, which must be a pipe."""
        try:
            self.process.stdin.write(f"{text}\n".encode())
            self.process.stdin.flush()
        except BrokenPipeError:
            self.fail("ended")

    def read_until(self, ends, what, patience_s=PATIENCE_S):
        """Returns the program's standard output, a pipe, up to these octets and without them."""
        deadline = time.monotonic() + patience_s
        while ends not in self._said:
            left = deadline - time.monotonic()
            if left <= 0:
                self.fail(f"did not {what} in {patience_s:g} s")
            if select.select([self.process.stdout], [], [], left)[0]:
                octets = self.process.stdout.read()
                if octets == b"":
                    self.fail("ended")
                self._said += octets or b""
        text, _, self._said = self._said.partition(ends)
        return text.decode(errors="replace")

    def read_line(self, seconds=PATIENCE_S):
        return self.read_until(b"\n", "answer", seconds)


class Lab:
    """The resources of a run. Options: build_dir, realtime, load_cpus, switch_cpu. `mtu` is the MTU of all hosts' devices.
    With `super_frames` guests and switches segment TCP as late as they can (devices always do)."""

    _numbers = itertools.count(1)

    def __init__(self, resources, options, mtu=USUAL_MTU, super_frames=False):
        self.resources, self.options, self.mtu, self.super_frames = resources, options, mtu, super_frames
        self.programs, self.realtime = pathlib.Path(options.build_dir).resolve(), options.realtime
        self.load_cpu, self.switch_cpu = options.load_cpus[0], options.switch_cpu
        self.id = f"rbb{os.getpid()}"
        self._pages = 0
        sweep()
        self.directory = pathlib.Path(resources.enter_context(tempfile.TemporaryDirectory(prefix=f"{self.id}-")))

    def number(self):
        """Returns a number that no other switch of this run has."""
        return next(self._numbers)

    def namespace(self, suffix, resources):
        """Makes a network namespace with a name for `ip netns`, in which the kernel sends no frames by itself."""
        name = f"{self.id}-{suffix}"
        run("ip", "netns", "add", name)
        resources.callback(remove_namespace, name)
        settings = " && ".join(f"{{ [ ! -e {path} ] || echo {value} > {path}; }}"
                               for path, value in ((f"/proc/sys/{key}", value) for key, value in QUIET.items()))
        run("nsenter", f"--net={NAMESPACES / name}", "sh", "-c", settings)
        return name

    def huge_pages(self, count, resources):
        """Makes `count` free pages of 2 MiB, and gives them back at the end."""
        if not HUGE_PAGES.is_dir():
            raise Unsupported("this kernel has no huge pages of 2 MiB")
        missing = count - int((HUGE_PAGES / "free_hugepages").read_text())
        if missing <= 0:
            return
        resources.callback(self._change_huge_pages, -missing)
        self._change_huge_pages(missing)
        if int((HUGE_PAGES / "free_hugepages").read_text()) < count:
            raise Unsupported(f"the machine has no {count} free huge pages of 2 MiB to give")

    def _change_huge_pages(self, difference):
        # The change is relative, because others may have changed the number meanwhile.
        self._pages += difference
        (self.directory / PAGES_MADE).write_text(str(self._pages))  # for sweep()
        change_huge_pages(difference)

    @property
    def version(self):
        """Returns the version of the build."""
        return version_of(self.programs)

    def dpdk_files(self, name, resources):
        """Returns the prefix of a DPDK program's files in /run/dpdk, which the program does not always remove."""
        prefix = f"{self.id}-{name}"
        resources.callback(shutil.rmtree, DPDK_FILES / prefix, ignore_errors=True)
        return prefix

    def load_program(self, name, words):
        """Starts rbload, which reads requests as lines, answers with lines, and chooses its processors itself."""
        return Program(f"rbload of {name}", [self.programs / "bench/rbload", *words],
                       self.directory / f"rbload{self.number()}.log", self.resources, stdin=subprocess.PIPE,
                       stdout=subprocess.PIPE)


def remove_namespace(name):
    """Removes a namespace if it still exists."""
    if (NAMESPACES / name).exists():
        subprocess.run(["ip", "netns", "del", name], stderr=subprocess.DEVNULL)


def change_huge_pages(difference):
    count = HUGE_PAGES / "nr_hugepages"
    count.write_text(str(max(0, int(count.read_text()) + difference)))


def sweep():
    """Removes everything that killed runs left."""
    def left(names):
        return [name for name in names if owner(name) and not pathlib.Path(f"/proc/{owner(name)}").exists()]

    for name in left(path.name for path in NAMESPACES.glob("rbb*")):
        remove_namespace(name)
    for name in left(path.name for path in DIRECTORIES.glob("rbb*")):
        with contextlib.suppress(OSError, ValueError):
            change_huge_pages(-int((DIRECTORIES / name / PAGES_MADE).read_text()))
        shutil.rmtree(DIRECTORIES / name, ignore_errors=True)
    for name in left(path.name for path in DPDK_FILES.glob("rbb*")):
        shutil.rmtree(DPDK_FILES / name, ignore_errors=True)
