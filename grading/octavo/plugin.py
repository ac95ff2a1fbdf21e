# SPDX-License-Identifier: MIT
"""What every test file shares: options, fixtures, and the record.

`machine` boots machines for one test; `suite` runs guest test programs once
each and hands out their verdicts. With --lab, tests are those of a lab
(labtests.py). grading/pytest.ini loads this."""
from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path
from typing import Callable, Iterator

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))

from grading.octavo import guest, labtests  # noqa: E402
from grading.octavo.labtests import bench  # noqa: E402,F401
from grading.octavo.guest import Check, Suite, Variant  # noqa: E402
from grading.octavo.machine import LOGS, TOP, Machine, Setup  # noqa: E402
from grading.octavo.record import Recorder, plain_id  # noqa: E402
from grading.octavo.scoring import points_of  # noqa: E402


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("octavo")
    group.addoption(
        "--octavo-debug", action="store_true", help="run on the DEBUG=1 build"
    )
    labtests.add_options(group)
    group.addoption("--record", metavar="FILE", help="keep the record of the run here")
    group.addoption(
        "--harts",
        type=int,
        action="append",
        metavar="N",
        help="grade on N harts (repeat for several); default: as each test says",
    )


def is_worker(config: pytest.Config) -> bool:
    return hasattr(config, "workerinput")


def pytest_configure(config: pytest.Config) -> None:
    labtests.configure(config, is_worker(config))
    path = config.getoption("--record")
    if path and not is_worker(config):
        config.pluginmanager.register(Recorder(Path(path)), "octavo-record")


def title_of(item: pytest.Item) -> str:
    """The sentence that says what a test shows."""
    callspec = getattr(item, "callspec", None)
    check = callspec.params.get("check") if callspec else None
    text = getattr(item.obj, "__doc__", None) or item.name  # type: ignore[attr-defined]
    first = str(text).strip().splitlines()[0]
    variant = callspec.params.get("variant") if callspec else None
    if check is not None:
        first = f"{check.program} {check.name}: {check.title}"
    elif callspec and callspec.params:
        first += f" [{callspec.id}]"
    return f"{first} [{variant.name}]" if check and variant else first


def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> None:
    for item in items:
        if config.getoption("--lab"):
            break  # labtests.py does
        item.user_properties.append(("title", title_of(item)))
        item.user_properties.append(("max", points_of(item)))
        words = ["python3", "-m", "pytest", "-c", "grading/pytest.ini", "--rootdir=."]
        words.append(plain_id(item.nodeid))
        # A test that boots says how to boot again; then that counts.
        item.user_properties.append(("command", shlex.join(words)))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test with @programs becomes one test a check and a variant."""
    mark = metafunc.definition.get_closest_marker("programs")
    if mark:
        harts = metafunc.config.getoption("--harts") or []
        cases = guest.cases(mark.args, mark.kwargs["variants"], harts)
        metafunc.parametrize("check, variant", cases)


def log_name(request: pytest.FixtureRequest) -> str:
    """A directory name for a test."""
    stem = request.node.nodeid.rpartition("/")[2].replace(".py::", ".")
    return re.sub(r"[^A-Za-z0-9._-]+", "-", stem).strip("-")


@pytest.fixture
def base(request: pytest.FixtureRequest) -> Setup:
    """The machine that this run of the grader asks for."""
    debug = bool(request.config.getoption("--octavo-debug"))
    return Setup(debug=debug, append="debug=1")


@pytest.fixture
def machine(request: pytest.FixtureRequest, base: Setup) -> Iterator[Machine]:
    """Boots machines; the record gets what the last boot tells."""
    made = Machine(LOGS / log_name(request), base)
    yield made
    request.node.user_properties.extend(made.properties().items())


@pytest.fixture(scope="session")
def suite() -> Suite:
    return Suite()


@pytest.fixture
def judge(
    request: pytest.FixtureRequest, suite: Suite, base: Setup
) -> Callable[[Check, Variant], None]:
    """Runs a check's program, if it has not run yet, and judges the check."""

    def apply(check: Check, variant: Variant) -> None:
        properties = request.node.user_properties
        setup = variant.apply(base)
        report = suite.report(check.program, setup, LOGS / variant.name)
        run = report.run_of(check)
        properties.append(("command", run.command))
        properties.append(("log", str(run.log.relative_to(TOP))))
        properties.append(("seed", setup.seed))
        count = guest.judge(report, check).instructions
        properties.append(("guest_instructions", count))

    return apply
