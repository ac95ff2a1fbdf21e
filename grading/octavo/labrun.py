# SPDX-License-Identifier: MIT
"""Grades a lab in this tree: builds it, runs its tests, writes its record.

A tree that does not build has a record, too: every test failed, and why."""
from __future__ import annotations

import importlib.util
import os
import resource
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import List, Optional, Sequence, Tuple

import bootlib

from grading.octavo.lab import TOP, Lab
from grading.octavo.machine import SECRET
from grading.octavo.scoring import HOST

BUILD_LIMIT = 1200  # host seconds for all of it: beyond, the host is to blame
CPU_LIMIT = 120  # seconds of a processor for each process of a build
FILE_LIMIT = 256 << 20  # bytes of a file that a build makes
MEMORY_LIMIT = 4 << 30  # bytes
ERROR_LINES = 20
ERROR_TEXT = 20_000  # characters


def out_dir(lab: Lab) -> Path:
    return TOP / "build" / "grade" / lab.name


def set_limits() -> None:
    """Of a compiler, or another process of a build: on every host the same."""
    for kind, most in (
        (resource.RLIMIT_CPU, CPU_LIMIT),
        (resource.RLIMIT_FSIZE, FILE_LIMIT),
        (resource.RLIMIT_AS, MEMORY_LIMIT),
        (resource.RLIMIT_CORE, 0),
    ):
        _, hard = resource.getrlimit(kind)
        bounded = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (bounded, bounded))


def run_limited(words: Sequence[str], where: Path) -> Tuple[int, str]:
    """Runs a command whose processes can neither go on for ever nor fill the
    disk; its exit status and what it prints."""
    env = {k: v for k, v in os.environ.items() if not k.startswith("MAKE")}
    with subprocess.Popen(
        words,
        cwd=where,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        start_new_session=True,
        preexec_fn=set_limits,
    ) as process:
        try:
            text, _ = process.communicate(timeout=BUILD_LIMIT)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            return 1, f"{HOST} no end of the build after {BUILD_LIMIT} s"
    return process.returncode, text


def build(lab: Lab) -> Optional[str]:
    """Builds what the lab's tests boot; returns why it does not build."""
    for debug in (False, True) if lab.debug else (False,):
        words = ["make", "-s", f"DEBUG={int(debug)}", "LAB=" + lab.name, "all", "units"]
        status, text = run_limited(words, TOP)
        if text.startswith(HOST):
            return text
        if status != 0:
            lines = text[:ERROR_TEXT].splitlines()
            return "\n".join(["it does not build:", *lines[:ERROR_LINES]])
    return None


def pytest_command(lab: Lab, board: str, jobs: int, only: str) -> List[str]:
    command = [sys.executable, "-m", "pytest", "-q", "-c", "grading/pytest.ini"]
    command += ["--rootdir", str(TOP), "--lab", lab.name, "--board", board]
    command += ["--out", str(out_dir(lab)), "--tb=short", "--no-header"]
    # The table says it all, in another order.
    command += ["--show-capture=no", "-r", ""]
    if jobs > 1 and importlib.util.find_spec("xdist"):
        command += ["-n", str(jobs), "--dist", "load"]
    if only:
        command += ["--only", only]
    return command + [str(lab.path / "tests")]


def grade(
    lab: Lab, jobs: int, only: str, no_needs: bool = False, unfit: str = ""
) -> int:
    """Grades; the exit status is 0 when every test passed. What is unfit, as what
    does not build, fails every test."""
    shutil.rmtree(out_dir(lab), ignore_errors=True)
    unfit = unfit or build(lab) or ""
    env = {**os.environ, SECRET: secrets.token_hex(16)}
    with tempfile.TemporaryDirectory(prefix="octavo-") as board:
        command = pytest_command(lab, board, 1 if unfit else jobs, only)
        command += ["--no-needs"] if no_needs else []
        command += ["--unfit", unfit] if unfit else []
        return subprocess.run(command, cwd=TOP, env=env).returncode
