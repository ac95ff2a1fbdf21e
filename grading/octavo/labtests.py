# SPDX-License-Identifier: MIT
"""The pytest side of a lab: which tests, in which order, worth what, and which
make no sense because another one failed.

Every function test_NAME has an entry [test.NAME] in lab.toml. A test waits for
those it needs; under xdist, where they may run elsewhere, verdicts are files of
a directory (the board). Each worker runs its tests in one common order, so
the first test that is not done never waits for one behind it."""
from __future__ import annotations

import os
import re
import time
import tomllib
from pathlib import Path
from typing import Dict, List, Optional, Sequence

import pytest

from grading.octavo import events
from grading.octavo import lab as labs
from grading.octavo import scoring
from grading.octavo.guest import code_of
from grading.octavo.lab import Lab, LabError, Test
from grading.octavo.machine import Machine, Run
from grading.octavo.outside import Frozen
from grading.octavo.report import LabRecorder

WAIT_S = 1200  # host seconds for a test that this one needs
SAFETY_S = 600  # host seconds for a boot: beyond, the host is to blame
SEED_STEP = 1000
UNIT_LIMIT = 0.5  # seconds of the guest's time: 500 million instructions
CHECK_LIMIT = 5.0


def add_options(group: pytest.OptionGroup) -> None:
    group.addoption("--lab", metavar="NAME", help="grade this lab")
    group.addoption("--only", metavar="NAMES", help="its tests with these names")
    group.addoption("--board", metavar="DIR", help="where tests leave verdicts")
    group.addoption("--out", metavar="DIR", help="where the lab's record goes")
    group.addoption("--unfit", metavar="WHY", help="fail all tests, and say why")
    group.addoption(
        "--no-needs", action="store_true", help="run tests whatever they need"
    )


def configure(config: pytest.Config, worker: bool) -> None:
    name = config.getoption("--lab")
    if not name:
        return
    try:
        lab = labs.named(name)
    except LabError as error:
        raise pytest.UsageError(str(error)) from error
    config.pluginmanager.register(LabTests(config, lab), "octavo-lab")
    if not worker and config.getoption("--out"):
        out = Path(config.getoption("--out"))
        config.pluginmanager.register(LabRecorder(lab, out), "octavo-lab-record")


def name_of(item: pytest.Item) -> str:
    name = getattr(item, "originalname", None) or item.name
    return str(name).removeprefix("test_")


class LabTests:
    """Chooses, orders and guards the lab's tests."""

    def __init__(self, config: pytest.Config, lab: Lab) -> None:
        self.lab = lab
        self.only: Optional[Sequence[str]] = None
        if config.getoption("--only"):
            self.only = config.getoption("--only").split(",")
        board = config.getoption("--board")
        self.board = Path(board) if board else None
        self.needs = self.board is not None and not config.getoption("--no-needs")
        self.cases: Dict[str, int] = {}
        self.unfit: Optional[str] = config.getoption("--unfit")

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(
        self, config: pytest.Config, items: List[pytest.Item]
    ) -> None:
        found = {name_of(item) for item in items}
        if found != set(self.lab.tests):
            odd = sorted(found ^ set(self.lab.tests))
            raise pytest.UsageError(f"in tests/ or lab.toml alone: {', '.join(odd)}")
        order = labs.ordered(self.lab)
        items.sort(key=lambda item: order.index(name_of(item)))
        for item in items:
            self.cases[name_of(item)] = self.cases.get(name_of(item), 0) + 1
            self.describe(item)
        if self.only is not None:
            chosen = [item for item in items if self.is_chosen(item)]
            if not chosen:
                raise pytest.UsageError(f"no test {', '.join(self.only)}")
            config.hook.pytest_deselected(items=[i for i in items if i not in chosen])
            items[:] = chosen

    def is_chosen(self, item: pytest.Item) -> bool:
        assert self.only is not None
        return name_of(item) in self.only or item.name.removeprefix("test_") in (
            self.only
        )

    def describe(self, item: pytest.Item) -> None:
        """What the record says of a test whatever comes of it."""
        test = self.lab.tests[name_of(item)]
        text = str(getattr(item, "obj").__doc__ or item.name).strip()
        callspec = getattr(item, "callspec", None)
        case = f" [{callspec.id}]" if callspec else ""
        sentence = re.sub(r"\s+", " ", text.split("\n\n")[0])
        add = item.user_properties.append
        add(("title", sentence + case))
        add(("max", test.points))
        add(("name", item.name.removeprefix("test_")))
        add(("entry", test.name))

    @pytest.hookimpl(tryfirst=True)
    def pytest_pyfunc_call(self) -> None:
        if self.unfit and self.unfit.startswith(scoring.HOST):
            raise scoring.Infrastructure(self.unfit)
        if self.unfit:
            pytest.fail(self.unfit, pytrace=False)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        if not self.needs or self.unfit:
            return
        for need in self.lab.tests[name_of(item)].needs:
            if not self.is_passed(need):
                pytest.skip(f"not run, because {self.lab.name}/{need} failed")

    def is_passed(self, name: str) -> bool:
        """Whether all cases of a test passed; waits for them."""
        if self.only is not None and name not in self.only:
            return True
        assert self.board is not None
        end = time.monotonic() + WAIT_S
        while time.monotonic() < end:
            done = [p.read_text() for p in self.board.glob(f"{name}@*.done")]
            if len(done) == self.cases[name]:
                return all(text == "passed" for text in done)
            time.sleep(0.02)
        raise scoring.Infrastructure(f"no verdict on {name} after {WAIT_S} s")

    @pytest.hookimpl(tryfirst=True, hookwrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item):  # type: ignore[no-untyped-def]
        outcome = yield
        report = outcome.get_result()
        decided = report.when == "call" or not report.passed
        if self.board is not None and decided:
            case = re.sub(r"[^\w-]+", "-", item.name)
            path = self.board / f"{name_of(item)}@{case}.new"
            path.write_text(report.outcome)
            path.rename(path.with_suffix(".done"))


def seed_base() -> int:
    """Of a grading with other seeds than students have: `--seed`."""
    return int(os.environ.get(labs.SEED) or "0")


# --- For tests ---------------------------------------------------------------


class Bench:
    """What a lab's test works with: its entry in lab.toml, unit tests, guest
    programs, budgets."""

    def __init__(self, lab: Lab, test: Test, machine: Machine) -> None:
        self.lab = lab
        self.test = test
        self.machine = machine
        self.instructions: Optional[int] = None
        self.earned = test.points
        self.events = ""  # before the failure
        self.exact = True  # a run on one hart: the same in each grading

    def unit(self, name: str, **setup: object) -> int:
        """Runs a test of the unit kernel; returns its guest instructions."""
        words = [self.machine.setup.append, str(setup.pop("append", ""))]
        setup["append"] = " ".join([*filter(None, words), f"unit={name}"])
        setup.setdefault("limit", UNIT_LIMIT)
        run = self.run("", unit=self.lab.folder, **setup)
        return self.verdict(run, name, run.result.log)

    def check(self, program: str, name: str, **setup: object) -> int:
        """Runs one check of a guest program; returns its guest instructions."""
        run = self.run(f"{program} {name}", **setup)
        return self.verdict(run, name, run.output)

    def run(self, command: str, **setup: object) -> Run:
        """Boots afresh and runs a command. What does not end in CHECK_LIMIT
        seconds of the guest's time (limit=) fails; what the host's clock ends
        has no verdict. Seeds are moved by what SEED= says."""
        fields: Dict[str, object] = {"limit": CHECK_LIMIT, "timeout": SAFETY_S}
        if isinstance(setup.get("seed"), int):
            setup["seed"] = int(str(setup["seed"])) + SEED_STEP * seed_base()
        run = self.machine.run(command, **{**fields, **setup})
        self.exact = self.machine.prepare(**setup).smp == 1
        run.look_back = lambda run, got: self.look_back(run, got, setup)
        if run.result.timed_out and not run.result.stopped:
            raise scoring.Infrastructure(f"the host stopped `{run.command}`")
        return run

    def look_back(self, run: Run, got: str, setup: Dict[str, object]) -> None:
        """What happened last before a failure, in `events`."""
        fields = self.machine.prepare(**setup)
        if events.is_wanted(fields, got):
            again = events.Repeated(run.guest, fields, run.nonce, run.key)
            self.events = again.text()

    def frozen(self, command: str, pattern: str, **setup: object) -> Frozen:
        """A machine stopped where its console shows a pattern, to be looked at
        from outside (outside.py). The command should spin there."""
        words = self.machine.prepare(**setup)
        return Frozen(words, command, pattern, self.machine.log_path())

    def answer(self, name: str, expected: object) -> None:
        """The student's answer in answers.toml is right. What is right is not
        told."""
        path = labs.TOP / self.lab.answers[0]
        try:
            given = tomllib.loads(path.read_text(encoding="utf-8")).get(name)
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            scoring.fail(f"{path.name} can be read", str(error))
        if type(given) is not type(expected) or given != expected:
            scoring.fail(f"the right answer to `{name}` in {path.name}", repr(given))

    def verdict(self, run: Run, name: str, text: str) -> int:
        """The count from the line `ok NAME COUNT CODE`; fails if there is none."""
        failed = re.search(rf"^FAIL {name}: (.*)$", text, re.M)
        if failed:
            what, _, rest = failed[1].partition(", expected ")
            expected, _, got = rest.partition(" got ")
            run.fail(f"{what}: {expected.strip()}", got.strip() or failed[1])
        for found in re.finditer(rf"^ok ({name} (\d+)) ([0-9a-f]+)$", text, re.M):
            if found[3] == code_of(found[1], run.key) and not run.result.panic:
                self.instructions = int(found[2])
                return self.instructions
        run.fail(f"{name} passes", run.broken or "no verdict")
        raise AssertionError("unreachable")

    def within_tiers(self) -> None:
        """The last count earns a share of the points for each of `tiers` in
        lab.toml that it is within; none of them is a failure."""
        tiers = self.test.tiers
        if not tiers or self.instructions is None:
            raise LabError(f"test.{self.test.name} has no tiers, or counted nothing")
        met = sum(self.instructions <= tier for tier in tiers)
        if met == 0:
            self.machine.runs[-1].look_back = None
            self.machine.runs[-1].fail(
                f"at most {max(tiers)} guest instructions",
                f"{self.instructions} of them",
            )
        self.earned = self.test.points * met // len(tiers)

    def within_budget(self, run: Optional[Run] = None) -> None:
        """The last count is within the budget of lab.toml."""
        budget = self.test.budget
        if budget is None or self.instructions is None:
            raise LabError(f"test.{self.test.name} has no budget, or counted nothing")
        if self.instructions > budget:
            last = run or self.machine.runs[-1]
            last.look_back = None
            last.fail(
                f"at most {budget} guest instructions", f"{self.instructions} of them"
            )


@pytest.fixture
def bench(request: pytest.FixtureRequest, machine: Machine):  # type: ignore[no-untyped-def]
    """For the tests of a lab."""
    plugin = request.config.pluginmanager.get_plugin("octavo-lab")
    if plugin is None:
        pytest.skip("a test of a lab: make grade LAB=name")
    made = Bench(plugin.lab, plugin.lab.tests[name_of(request.node)], machine)
    yield made
    if made.instructions is not None and made.exact:
        count = ("guest_instructions", made.instructions)
        request.node.user_properties.append(count)
    if made.events:
        key = "events" if made.exact else "rough_events"
        request.node.user_properties.append((key, made.events))
    request.node.user_properties.append(("earned", made.earned))
