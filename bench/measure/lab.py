# SPDX-License-Identifier: GPL-2.0-or-later
"""What switches and their hosts stand in: namespaces, processes that end with this one, directories and huge pages.

Everything is given to an ExitStack as soon as it is there, so that it goes away however the program ends; processes end
with it even when it is killed, and what else a killed run left is swept by the next one.
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

PATIENCE_S = 60  # for anything to start or to answer; a machine with other work to do can be slow
END_S = 10  # that a program has to end in order
NICENESS = -10  # other work is to disturb little, but beside threads that never sleep it has to go on
LAST_LINES = 20  # of a log, in a complaint
DIRECTORIES = pathlib.Path(tempfile.gettempdir())
NAMESPACES = pathlib.Path("/run/netns")
DPDK_FILES = pathlib.Path("/run/dpdk")
HUGE_PAGES = pathlib.Path("/sys/kernel/mm/hugepages/hugepages-2048kB")
PAGES_MADE = "huge_pages"  # a file that says how many a run has made
# No router solicitations and the like between the frames that are counted; and as all even ports' devices share a
# namespace, and all odd ones, only that device is to answer for an address that has it.
QUIET = {"net/ipv6/conf/all/disable_ipv6": 1, "net/ipv6/conf/default/disable_ipv6": 1,
         "net/ipv4/conf/all/arp_ignore": 1}


class Failed(Exception):
    """Something that should work did not; the text says what."""


class Unsupported(Exception):
    """A switch cannot do what was asked for; the text says why."""


def run(*command, lines=None):
    """Runs a command, with lines to read if it wants some, and returns what it prints."""
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
    """Of the ringbridge that stands there."""
    return run(programs / "control/ringbridged", "--version").split()[-1]


def processor_time(pid):
    """Seconds that all threads of a process have run."""
    nanoseconds = 0
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it ended meanwhile
            nanoseconds += int((task / "schedstat").read_text().split()[0])
    return nanoseconds / 1e9


def owner(name):
    """The process whose run gave something this name; None if it is of another kind."""
    match = re.fullmatch(r"rbb(\d+)-.*", name)
    return int(match[1]) if match else None


class Program:
    """A process that ends with this one, whichever way that ends, and what it said.

    It must be started by the main thread: the kernel ends it with the thread that started it.
    """

    def __init__(self, name, command, log, resources, cpus=None, realtime=False, netns=None, **where):
        self.name, self.log, self._said = name, log, b""
        # Each of these becomes the next, so that the process is the program itself in the end.
        words = ["setpriv", "--pdeathsig", "KILL"]
        words += ["nsenter", f"--net={NAMESPACES / netns}"] if netns else []
        words += ["taskset", "-c", ",".join(map(str, cpus))] if cpus else []
        words += ["chrt", "--fifo", "1"] if realtime else []
        with open(log, "wb") as end:
            self.process = subprocess.Popen([*words, *map(str, command)],
                                            start_new_session=True,  # Ctrl-C is for the script, which ends all in order
                                            **{"stdin": subprocess.DEVNULL, "stdout": end, "stderr": end, **where})
        self.pid = self.process.pid
        resources.callback(self.stop)
        if self.process.stdout:
            os.set_blocking(self.process.stdout.fileno(), False)
        with contextlib.suppress(OSError):  # where sessions share the processors, niceness holds only inside one
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
        """To its standard input, which has to be a pipe."""
        try:
            self.process.stdin.write(f"{text}\n".encode())
            self.process.stdin.flush()
        except BrokenPipeError:
            self.fail("ended")

    def read_until(self, ends, what, patience_s=PATIENCE_S):
        """What it writes to its standard output, a pipe, up to where it ends with these octets, without them."""
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
    """What a run has of the machine. Options: build_dir, realtime, load_cpus, switch_cpu. `mtu` is that of all hosts' devices;
    with `super_frames` guests and switches segment TCP as late as they can (devices always do)."""

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
        """One that no other switch of this run has."""
        return next(self._numbers)

    def namespace(self, suffix, resources):
        """A network namespace with a name for `ip netns`, in which nothing is sent unasked."""
        name = f"{self.id}-{suffix}"
        run("ip", "netns", "add", name)
        resources.callback(remove_namespace, name)
        settings = " && ".join(f"{{ [ ! -e {path} ] || echo {value} > {path}; }}"
                               for path, value in ((f"/proc/sys/{key}", value) for key, value in QUIET.items()))
        run("nsenter", f"--net={NAMESPACES / name}", "sh", "-c", settings)
        return name

    def huge_pages(self, count, resources):
        """Makes so many pages of 2 MiB free, and gives back at the end what was made."""
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
        # By the difference, as others may have changed the number meanwhile.
        self._pages += difference
        (self.directory / PAGES_MADE).write_text(str(self._pages))  # for sweep()
        change_huge_pages(difference)

    @property
    def version(self):
        """Of what is built here."""
        return version_of(self.programs)

    def dpdk_files(self, name, resources):
        """The prefix of what a DPDK program has in /run/dpdk, which it does not always take away."""
        prefix = f"{self.id}-{name}"
        resources.callback(shutil.rmtree, DPDK_FILES / prefix, ignore_errors=True)
        return prefix

    def load_program(self, name, words):
        """rbload, which is asked by lines and answers so; it chooses its processors itself."""
        return Program(f"rbload of {name}", [self.programs / "bench/rbload", *words],
                       self.directory / f"rbload{self.number()}.log", self.resources, stdin=subprocess.PIPE,
                       stdout=subprocess.PIPE)


def remove_namespace(name):
    """If it is there still."""
    if (NAMESPACES / name).exists():
        subprocess.run(["ip", "netns", "del", name], stderr=subprocess.DEVNULL)


def change_huge_pages(difference):
    count = HUGE_PAGES / "nr_hugepages"
    count.write_text(str(max(0, int(count.read_text()) + difference)))


def sweep():
    """Takes away what runs left that were killed."""
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
