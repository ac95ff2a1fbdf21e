# SPDX-License-Identifier: MIT
"""What `make gdb` debugs: a run of its own, or that of a graded test.

Idea        A graded test says in its record how it booted (`command`). The same
            boot arguments, and time that counts instructions, give the same run
            again. On one hart it is recorded by QEMU, which changes nothing of
            it, so that GDB can go back in time. With more harts QEMU can record
            nothing, and time jumps to the next tick at each stop of GDB: the
            run is that of the test up to the first stop."""
from __future__ import annotations

import argparse
import hashlib
import importlib.machinery
import importlib.util
import json
import re
import shlex
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Dict, List, Optional

import bootlib

RECORDS = bootlib.TOP / "build" / "gdb"
RECORD_S = 10.0  # host seconds of a run that are recorded
EXACT = "shift=0,sleep=off"  # as graded


Row = Dict[str, object]  # of the grader's record


@dataclass
class Plan:
    """What to boot, and what GDB is to do."""

    options: bootlib.Options
    live: bool = False
    test: Row = field(default_factory=dict)  # for inside/failing.py

    @property
    def recorded(self) -> bool:
        options = self.options
        possible = options.icount and options.smp == 1 and options.command is not None
        return possible and not self.live

    @property
    def script(self) -> str:
        return "test.gdb" if self.test else "init.gdb"

    def environment(self, media: bootlib.Media) -> Dict[str, str]:
        """What the modules in inside/ are told."""
        added = {name: str(path) for name, path in media.added.items()}
        told = {"OCTAVO_PROGRAMS": json.dumps(added)}
        return {**told, "OCTAVO_TEST": json.dumps(self.test)} if self.test else told


def plan_run(args: argparse.Namespace) -> Plan:
    """The plan for commands of the user's own."""
    options = bootlib.Options(
        command=args.run or None,
        smp=args.smp,
        mem=args.mem,
        icount=bool(args.run) and args.smp == 1 and not args.live,
        debug=args.debug,
        append=args.append,
    )
    return Plan(options, args.live)


# --- A graded test -----------------------------------------------------------


def plan_test(name: str, lab: str, record: Optional[Path]) -> Plan:
    """The plan for the test whose name contains `name`; fails are preferred."""
    row = graded_lab(name, lab) if lab else graded(name, record)
    options = options_of(row)
    if row["status"] != "passed":
        print(f"{row['test']} failed:\n{str(row.get('message', '')).rstrip()}\n")
    else:
        print(f"{row['test']} passed; this is its run.")
    bootlib.make(["all", "units"] if options.unit else ["all"], options.debug)
    facts = test_facts(row, options)
    if options.smp > 1:
        print(harts_text(options.smp, bool(facts["panicked"])))
    return Plan(options, test=facts)


def harts_text(harts: int, panicked: bool) -> str:
    """What GDB cannot do on several harts."""
    text = f"On {harts} harts GDB can stop where it failed, but not go back. "
    if panicked:
        return text + "Up to the panic the run is the test's."
    return text + (
        "It looks for the failure at the end of each process, and each look moves the "
        "clock on: the run is not quite the test's."
    )


def graded(name: str, record: Optional[Path]) -> Row:
    """The test's row in the grader's record; runs the test if there is none."""
    record = record or bootlib.TOP / "build" / "grade.json"
    rows = matching(read_records(record), name)
    if not rows:
        test = first_test(name)
        print(f"{test} has not been graded yet: running it", flush=True)
        record = RECORDS / "grade.json"
        record.parent.mkdir(parents=True, exist_ok=True)
        record.unlink(missing_ok=True)
        run_pytest([f"--record={record}", test])
        rows = matching(read_records(record), test)
    if not rows:
        raise bootlib.BootError(f"{name} could not be run: see make grade TEST={name}")
    failed = [row for row in rows if row.get("status") in ("failed", "error")]
    return (failed or rows)[0]


def graded_lab(name: str, lab: str) -> Row:
    """The same for a test of a lab, which must have been graded."""
    rows = read_records(bootlib.TOP / "build" / "grade" / lab / "record.jsonl")
    rows = matching([row for row in rows if row.get("boot")], name)
    if not rows:
        raise bootlib.BootError(
            f"{name} of lab {lab} is not in the last grade, or boots nothing: "
            f"first make grade LAB={lab} TEST={name}"
        )
    failed = [row for row in rows if row.get("status") == "failed"]
    return (failed or rows)[0]


def first_test(name: str) -> str:
    """The first test whose name contains `name`, as pytest calls it."""
    bootlib.make(["all"], debug=False)
    bootlib.make(["all"], debug=True)
    listing = run_pytest(["--collect-only", "grading/tests"])
    found = [line for line in listing.splitlines() if "::" in line and name in line]
    if not found:
        raise bootlib.BootError(f"no test has a name with {name} in it")
    if len(found) > 1:
        print(f"{len(found)} tests have {name} in their name; this is the first.")
    return found[0].rpartition("@")[0] or found[0]


def run_pytest(arguments: List[str]) -> str:
    command = [*bootlib.build_env(debug=False)["PYTHON"], "-m", "pytest", "-q"]
    command += ["-c", "grading/pytest.ini", "--rootdir", ".", *arguments]
    done = subprocess.run(
        command, cwd=bootlib.TOP, stdout=subprocess.PIPE, encoding="utf-8"
    )
    return done.stdout


def read_records(path: Path) -> List[Row]:
    """The rows of a record: a list, or an object a line."""
    if not path.is_file():
        return []
    text = path.read_text(encoding="utf-8")
    try:
        if text.startswith("["):
            return list(json.loads(text))
        return [json.loads(line) for line in text.splitlines() if line.strip()]
    except ValueError:
        raise bootlib.BootError(f"{path} is damaged: run make grade again") from None


def matching(rows: List[Row], name: str) -> List[Row]:
    exact = [row for row in rows if row.get("test") == name]
    return exact or [row for row in rows if name in str(row.get("test"))]


def options_of(row: Row) -> bootlib.Options:
    """How the test booted."""
    command = str(row.get("boot") or row.get("command") or "")
    words = shlex.split(command)
    if not words or words[0] != "tools/boot":
        raise bootlib.BootError(
            f"{row['test']} boots no machine of its own; repeat it with: {command}"
        )
    boot = load_script(bootlib.TOP / "tools" / "boot")
    options: bootlib.Options = boot.options_from(boot.parse(words[1:]))
    if options.unit:
        options.command, options.icount = "", True
    # The words that the grader chose for this run: grading/octavo/machine.py.
    secret = hashlib.sha256(command.encode()).hexdigest()
    options.nonce = "n" + secret[:12]
    options.key = secret[-bootlib.KEY_DIGITS :]
    return options


def load_script(path: Path) -> ModuleType:
    """A Python program without a suffix, as a module."""
    loader = importlib.machinery.SourceFileLoader(path.name, str(path))
    spec = importlib.util.spec_from_loader(path.name, loader)
    assert spec
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


def test_facts(row: Row, options: bootlib.Options) -> Row:
    """What tells the failing process from the others."""
    program, _, check = (options.command or "").partition(" ")
    label = re.search(r"\[(\w+)-(\w+)-", str(row["test"]))
    if label and label.group(1) == program:
        check = label.group(2)
    is_suite = program.startswith(("test_", "lab_")) and check.isidentifier()
    return {
        "test": row["test"],
        "program": program if is_suite else "",
        "check": check if is_suite else "",
        "panicked": "kernel panicked" in str(row.get("message", "")),
    }


# --- Machines ----------------------------------------------------------------


def with_icount(command: List[str], value: str) -> List[str]:
    """The command line with this -icount, whether or not it has one."""
    if "-icount" not in command:
        return [*command, "-icount", value]
    at = command.index("-icount") + 1
    return command[:at] + [value] + command[at + 1 :]


def live_command(plan: Plan, media: bootlib.Media) -> List[str]:
    """QEMU's command line for a machine that is not recorded."""
    command = bootlib.qemu_command(plan.options, media, Path("/dev/stdout"))
    if plan.options.icount and plan.test:
        return with_icount(command, EXACT)
    return command


def record(plan: Plan, media: bootlib.Media, work: Path) -> Dict[str, str]:
    """Records the run; returns what inside/travel.py needs to replay it."""
    serial, log = work / "serial.log", work / "replay.bin"
    serial.touch()
    socket = plan.options.gdb
    plan.options.gdb = None
    command = bootlib.qemu_command(plan.options, media, serial)
    began = time.monotonic()
    run_recorded(with_icount(command, f"{EXACT},rr=record,rrfile={log}"))
    print(f"Recorded the run in {time.monotonic() - began:.1f} s.", flush=True)
    plan.options.gdb = socket
    command = bootlib.qemu_command(plan.options, media, serial)
    replay = with_icount(command, f"{EXACT},rr=replay,rrfile={log}")
    told = {"qemu": replay, "socket": socket, "serial": str(serial)}
    return {**plan.environment(media), "OCTAVO_REPLAY": json.dumps(told)}


def run_recorded(command: List[str]) -> None:
    qemu = bootlib.start_qemu(command)
    try:
        qemu.wait(RECORD_S)
    except subprocess.TimeoutExpired:
        print(f"The run has no end within {RECORD_S:.0f} s; it is recorded so far.")
        qemu.terminate()  # so that it completes the log
        qemu.wait(5)
    finally:
        complaint = qemu.stderr.read() if qemu.stderr and qemu.poll() else b""
        status = qemu.poll()
        bootlib.stop_qemu(qemu)
    if status and complaint:
        text = complaint.decode(errors="replace").strip()
        raise bootlib.BootError(f"QEMU did not start: {text}")
