"""Runs steps one after another and tells how each of them went, and how long it took."""

import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gate.shell import Failed
from gate.workspace import Workspace

RULE = "─" * 100


@dataclass(frozen=True)
class Step:
    """One check: `shows` is what a pass means."""

    name: str
    shows: str
    check: Callable[[Workspace], None]


@dataclass(frozen=True)
class Outcome:
    step: Step
    seconds: float
    fault: str | None
    notes: tuple[str, ...]


def run_steps(steps: Sequence[Step]) -> int:
    """Runs all of them, also after a failure, and returns the exit status: 0 when every one held."""
    for interruption in (signal.SIGINT, signal.SIGTERM):
        signal.signal(interruption, end_in_order)
    workspace = Workspace()
    outcomes = [run_step(step, workspace) for step in steps]
    print_table(outcomes)
    return 1 if any(outcome.fault for outcome in outcomes) else 0


def end_in_order(number: int, _frame: object) -> None:
    """Lets `finally` and `with` run when we are told to end, so that no server and no temporary folder outlives us."""
    sys.exit(128 + number)


def run_step(step: Step, workspace: Workspace) -> Outcome:
    print(f"\n{RULE}\n{step.name}: {step.shows}\n{RULE}", flush=True)
    workspace.notes.clear()
    started = time.monotonic()
    fault = None
    try:
        step.check(workspace)
    except Failed as failure:
        fault = str(failure)
    seconds = time.monotonic() - started
    print(f"{step.name}: {'FAILED: ' + fault if fault else 'ok'} ({seconds:.1f} s)", flush=True)
    return Outcome(step, seconds, fault, tuple(workspace.notes))


def print_table(outcomes: Sequence[Outcome]) -> None:
    print(f"\n{RULE}")
    for outcome in outcomes:
        verdict = "FAILED" if outcome.fault else "ok"
        print(f"{verdict:<7} {outcome.seconds:>7.1f} s  {outcome.step.name:<10} {outcome.step.shows}")
        for line in (outcome.fault, *outcome.notes):
            if line:
                print(f"{'':<18} {line}")
    failed = sum(1 for outcome in outcomes if outcome.fault)
    seconds = sum(outcome.seconds for outcome in outcomes)
    print(f"{RULE}\n{len(outcomes) - failed} of {len(outcomes)} steps passed, {failed} failed, in {seconds:.0f} s", flush=True)
