# SPDX-License-Identifier: MIT
"""Grades a lab in this tree: builds it, runs its tests, writes its record.

A tree that does not build has a record, too: every test failed, and why."""
from __future__ import annotations

import importlib.util
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import List, Optional

import bootlib

from grading.octavo.lab import TOP, Lab
from grading.octavo.machine import SECRET

BUILD_LIMIT = 600  # host seconds
ERROR_LINES = 20


def out_dir(lab: Lab) -> Path:
    return TOP / "build" / "grade" / lab.name


def build(lab: Lab) -> Optional[str]:
    """Builds what the lab's tests boot; returns why it does not build."""
    for debug in (False, True) if lab.debug else (False,):
        words = ["make", "-s", f"DEBUG={int(debug)}", "LAB=" + lab.name, "all", "units"]
        env = {k: v for k, v in os.environ.items() if not k.startswith("MAKE")}
        done = subprocess.run(
            words,
            cwd=TOP,
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            timeout=BUILD_LIMIT,
        )
        if done.returncode != 0:
            lines = done.stdout.splitlines()
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
