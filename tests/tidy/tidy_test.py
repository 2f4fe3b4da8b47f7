#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Checks what compilers cannot: that the tree keeps to its own rules.

Usage: tidy_test.py SOURCE_DIR BUILD_DIR

1. Includes point one way: control -> ports -> switch, likewise between the rooms within control/ and ports/, and
   nothing of the product includes tests or benchmarks.
2. The switch library is pure: it asks the outside for memory, memcpy and the like, for hashing, and for nothing else.
3. There are no dead files: every header is included, every source is compiled.
4. rbctl, the client, links no engine.
5. Paths, links, ./commands and rbctl commands that README.md and docs/ name exist.
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

ROOMS = {  # room: what it may include
    "switch": {"switch"},
    "ports": {"switch", "ports"},
    "control": {"switch", "ports", "control"},
    "tests": {"switch", "ports", "control", "tests", "bench"},
    "bench": {"switch", "ports", "control", "bench", "tests"},
}

# The rooms within control/ and ports/, lowest first: each may include those that are named behind it, and itself.
INNER_ROOMS = {
    "ports": {
        "base": set(),
        "links": {"base"},
        "engine": {"base"},
        "tap": {"base", "links", "engine"},
        "socket": {"base", "links", "engine"},
        "vhost": {"base", "engine"},
    },
    "control": {
        "base": set(),
        "words": {"base"},
        "rbctl": {"base", "words"},
        "model": {"base", "words"},
        "api": {"base", "words", "model"},
        "kinds": {"base", "words", "model"},
        "daemon": {"base", "words", "model", "api", "kinds"},
    },
}
# The rooms of control/ that have no engine: of ports/ they use this alone.
WITHOUT_ENGINE = {"base", "words", "rbctl"}

# Headers that have no place in switch/: files, threads, clocks, the kernel.
IMPURE_HEADER = re.compile(
    r"(sys|linux|net|netinet|arpa)/.*|unistd\.h|fcntl\.h|poll\.h|pthread\.h|signal\.h|time\.h|sched\.h"
    r"|thread|mutex|shared_mutex|condition_variable|future|chrono|ctime|fstream|iostream|filesystem|cstdio|csignal")

# What librb_switch.a may leave for others to define, demangled.
PURE_SYMBOL = re.compile(
    r"rb::.*|guard variable for rb::.*|(typeinfo|vtable) (name )?for .*"
    r"|(non-virtual thunk to )?std::.*|operator (new|delete).*|__cxa_.*|__gxx_personality_v0|_Unwind_Resume"
    r"|__(mem|str|stack_chk|assert)_?\w*|mem(cpy|move|set|cmp|chr)|str(len|cmp|ncmp)|abort|XXH\w*|_GLOBAL_OFFSET_TABLE_"
    r"|(void|bool|char|unsigned|int|long|auto).* std::.*|aligned_alloc|free|malloc|__dso_handle|__libc_single_threaded"
    r"|__popcountdi2")
IMPURE_STD = re.compile(r"std::(__1::)?(chrono|thread|mutex|filesystem|this_thread|condition_variable|basic_[io]?fstream)\b"
                        r"|std::(cout|cerr|random_device)")

# Libraries and classes that only the daemon uses.
ENGINE_LIBRARY = re.compile(r"lib(?:uring|nftnl|mnl)\.so\S*")
ENGINE_SYMBOL = re.compile(r"rb::(?:Engine|Worker|Ring|TapPort|StreamPort|DatagramPort|VhostPort|SwitchModel)\b")

INCLUDE = re.compile(r'^\s*#\s*include\s+([<"])([^>"]+)[>"]', re.MULTILINE)


class Tidy:
    def __init__(self, source, build):
        self.source, self.build, self.complaints = source, build, []
        self.files = sorted(p for room in ROOMS for p in (source / room).rglob("*") if p.suffix in (".hpp", ".cpp"))
        self.texts = {p: p.read_text() for p in self.files}

    def complain(self, where, what):
        self.complaints.append(f"{os.path.relpath(where, self.source)}: {what}")

    def check_includes(self):
        for path, text in self.texts.items():
            room = path.relative_to(self.source).parts[0]
            for kind, name in INCLUDE.findall(text):
                to = name.split("/")[0]
                if kind == '"' and to in ROOMS and to not in ROOMS[room]:
                    self.complain(path, f"{room}/ must not include {name}")
                if kind == '"' and room in INNER_ROOMS and to in INNER_ROOMS:
                    self.check_inner_rooms(path, name)
                if kind == "<" and room == "switch" and IMPURE_HEADER.fullmatch(name):
                    self.complain(path, f"switch/ is pure; it has no use for <{name}>")

    def check_inner_rooms(self, path, name):
        room, inner = path.relative_to(self.source).parts[:2]
        to, to_inner = name.split("/")[:2]
        if inner not in INNER_ROOMS[room]:
            return self.complain(path, f"every file of {room}/ belongs to one of its rooms")
        allowed = {inner} | INNER_ROOMS[room][inner] if to == room else set(INNER_ROOMS[to])
        if room == "control" and to == "ports" and inner in WITHOUT_ENGINE:
            allowed = {"base"}
        if to_inner not in allowed:
            self.complain(path, f"{room}/{inner}/ must not include {name}")

    def check_purity(self):
        library = self.build / "switch" / "librb_switch.a"
        lines = subprocess.run(["nm", "-C", str(library)], check=True, capture_output=True, text=True).stdout.splitlines()
        symbols = [m.groups() for m in (re.match(r"[0-9a-f]* *(\w) (.*)", line) for line in lines) if m]
        defined = {name for kind, name in symbols if kind != "U"}
        for name in sorted({name for kind, name in symbols if kind == "U"} - defined):
            if not PURE_SYMBOL.fullmatch(name) or IMPURE_STD.search(name):
                self.complain(library, f"the switch library is pure; it must not need '{name}'")

    def check_dead_files(self):
        included = set()
        for path, text in self.texts.items():
            for kind, name in INCLUDE.findall(text):
                if kind == '"':
                    included |= {self.source / name, (path.parent / name).resolve()}
        commands = json.loads((self.build / "compile_commands.json").read_text())
        compiled = {Path(entry["file"]) for entry in commands}
        with_benchmarks = self.source / "bench" / "pump.cpp" in compiled
        for path in self.files:
            if path.suffix == ".hpp" and path not in included:
                self.complain(path, "nobody includes this header")
            # Only the build with sanitizers has fuzzers, and a build may be without benchmarks.
            left_out = "fuzz" in path.parts or (path.is_relative_to(self.source / "bench") and not with_benchmarks)
            if path.suffix == ".cpp" and path not in compiled and not left_out:
                self.complain(path, "nothing compiles this source")

    def check_client(self):
        rbctl = self.build / "control" / "rbctl"
        libraries = subprocess.run(["ldd", str(rbctl)], check=True, capture_output=True, text=True).stdout
        for name in ENGINE_LIBRARY.findall(libraries):
            self.complain(rbctl, f"the client must not need {name}")
        symbols = subprocess.run(["nm", "-C", str(rbctl)], check=True, capture_output=True, text=True).stdout
        for name in sorted(set(ENGINE_SYMBOL.findall(symbols))):
            self.complain(rbctl, f"the client must not contain {name}")

    def exists(self, base, name):
        """Whether a path in a text is there: a file, a directory, or a program made from a source of that name."""
        name = name.rstrip("/.,:;")
        if any((where / name).exists() for where in (base, self.source)):
            return True
        room = self.source / name.split("/")[0]
        return any(p.stem == Path(name).name for p in room.rglob("*.[ch]pp"))

    def check_documents(self):
        rbctl = self.build / "control" / "rbctl"
        known = set(subprocess.run([str(rbctl), "--complete", ""], check=True, capture_output=True, text=True).stdout.split())
        for path in [self.source / "README.md", *sorted((self.source / "docs").glob("*.md"))]:
            text = path.read_text()
            for link in re.findall(r"\]\(([^)#:]+)[^):]*\)", text):
                if not (path.parent / link).exists():
                    self.complain(path, f"a link to {link}, which is not there")
            for name in re.findall(r"(?<![\w/.<-])((?:switch|ports|control|tests|bench|docs|completion)/[\w./-]*\w)", text):
                if not self.exists(path.parent, name):
                    self.complain(path, f"it names {name}, which is not there")
            for name in re.findall(r"(?<![\w.])\./([\w/.-]*\w)", text):
                if not os.access(self.source / name, os.X_OK):
                    self.complain(path, f"it names ./{name}, which cannot be run")
            for word in re.findall(r"^ {4}(?:sudo )?rbctl (?:-{1,2}[a-z]+ )*([a-z][a-z-]*)", text, re.MULTILINE):
                if word not in known:
                    self.complain(path, f"rbctl has no command {word}")


def main():
    tidy = Tidy(Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve())
    tidy.check_includes()
    tidy.check_purity()
    tidy.check_dead_files()
    tidy.check_client()
    tidy.check_documents()
    print("\n".join(tidy.complaints) or "tidy")
    return 1 if tidy.complaints else 0


if __name__ == "__main__":
    sys.exit(main())
