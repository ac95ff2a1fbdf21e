# SPDX-License-Identifier: MIT
"""The Python that make uses (tools/setup finds it), for tools run by hand: the
first python3 of the path may be another one, without the packages.

Use     import interpreter; interpreter.need("pytest")  # before it is imported"""
from __future__ import annotations

import importlib.util
import os
import re
import sys
from pathlib import Path

CONFIG = Path(__file__).resolve().parent.parent / "build" / "config.mk"
AGAIN = "OCTAVO_INTERPRETER"  # set when this has been tried


def need(module: str) -> None:
    """Returns if this Python has the module. Else starts the program again under
    make's, or ends it with a message if that has been done."""
    if importlib.util.find_spec(module):
        return
    named = re.search(r"^PYTHON := (.+)$", read(CONFIG), re.MULTILINE)
    python = named[1] if named else "/usr/bin/python3"
    if AGAIN in os.environ or not os.access(python, os.X_OK):
        sys.exit(f"{sys.argv[0]}: {sys.executable} has no {module}: run tools/setup")
    os.environ[AGAIN] = "1"
    os.execv(python, [python, *sys.argv])


def read(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""
