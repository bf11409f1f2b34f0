"""Runs other programs, and says which.

Their output goes straight to ours: a long build must show that it is alive, and CI reads the test runner's summary.
"""

import shlex
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

GRACE_SECONDS = 10


class Failed(Exception):
    """A check that did not hold; the text says what, and what to do about it."""


def run(
    arguments: Sequence[str | Path],
    *,
    env: Mapping[str, str],
    cwd: Path,
    timeout: float | None = None,
) -> None:
    """Runs a program to its end; `Failed` when it ends badly, or has not ended after `timeout` seconds."""
    command = [str(argument) for argument in arguments]
    print(f"$ {shlex.join(command)}", flush=True)
    try:
        process = subprocess.Popen(command, env=dict(env), cwd=cwd, stdin=subprocess.DEVNULL)
    except FileNotFoundError:
        raise Failed(f"`{command[0]}` is not installed") from None
    try:
        status = process.wait(timeout)
    except subprocess.TimeoutExpired:
        raise Failed(f"`{Path(command[0]).name}` was still running after {timeout:.0f} s") from None
    finally:
        stop(process)
    if status != 0:
        raise Failed(f"`{shlex.join(command)}` ended with status {status}")


def answer(arguments: Sequence[str | Path], *, env: Mapping[str, str], cwd: Path) -> str:
    """What a program prints to its standard output."""
    command = [str(argument) for argument in arguments]
    try:
        done = subprocess.run(command, env=dict(env), cwd=cwd, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise Failed(f"`{command[0]}` is not installed") from None
    if done.returncode != 0:
        raise Failed(f"`{shlex.join(command)}` ended with status {done.returncode}: {done.stderr.strip()}")
    return done.stdout


def stop(process: subprocess.Popen) -> None:
    """Ends a process that still runs, so that an interrupted check leaves none behind."""
    if process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
