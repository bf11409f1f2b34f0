"""Installs the Debian packages that tests need, and leaves no service behind.

Only as root, and only what is missing. Debian starts and enables what it installs; on somebody's desk that would leave
a mail server listening after a test run, so starting is refused while we install and what came is disabled afterwards.
"""

import os
import re
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from gate.shell import Failed, answer, run
from gate.workspace import Workspace, find_program, is_root

POLICY = Path("/usr/sbin/policy-rc.d")
NO_CLUSTER = Path("/etc/postgresql-common/createcluster.d/letterhead-tests.conf")
# The answer to Postfix's one question: leave /etc/postfix alone.
PRESEED = "postfix postfix/main_mailer_type select No configuration\n"
SERVICE_FILE = re.compile(r"/(?:systemd/system/(?P<unit>[^/@]+\.(?:service|socket|timer))|init\.d/(?P<script>[^/]+))$")


def require_packages(workspace: Workspace, names: Sequence[str]) -> None:
    """Makes sure that packages are installed; `Failed`, naming the command to run, where that is not ours to do."""
    missing = [name for name in names if name not in installed_packages(workspace)]
    if not missing:
        return
    if not is_root() or not find_program("apt-get"):
        raise Failed(f"missing: install them with `apt-get install {' '.join(missing)}`, or run as root on Debian")
    install(workspace, missing)


def installed_packages(workspace: Workspace) -> set[str]:
    if not find_program("dpkg-query"):
        return set()
    lines = answer(["dpkg-query", "-W", "-f", "${db:Status-Abbrev} ${Package}\n"], env=workspace.env, cwd=workspace.root)
    return {line.split()[1] for line in lines.splitlines() if line.startswith("ii")}


def install(workspace: Workspace, names: Sequence[str]) -> None:
    env = workspace.env | {"DEBIAN_FRONTEND": "noninteractive"}
    before = installed_packages(workspace)
    apt = ["apt-get", "-o", "DPkg::Lock::Timeout=600", "-o", "Dpkg::Options::=--force-confold", "-qq"]
    with services_refused():
        preseed(env)
        wanted = [*apt, "install", "--yes", "--no-install-recommends", *names]
        try:
            run(wanted, env=env, cwd=workspace.root)
        except Failed:
            # Package lists are missing or too old; fetch them once.
            run([*apt, "update"], env=env, cwd=workspace.root)
            run(wanted, env=env, cwd=workspace.root)
    disable_services(workspace, sorted(installed_packages(workspace) - before))


def preseed(env: dict[str, str]) -> None:
    program = find_program("debconf-set-selections")
    if program:
        subprocess.run([program], input=PRESEED, text=True, env=env, check=True)


@contextmanager
def services_refused() -> Iterator[None]:
    """Tells `invoke-rc.d` to start nothing and PostgreSQL to make no cluster, until the block ends."""
    made = [path for path, text, mode in REFUSALS if place(path, text, mode)]
    try:
        yield
    finally:
        for path in made:
            path.unlink(missing_ok=True)


REFUSALS = (
    (POLICY, "#!/bin/sh\nexit 101\n", 0o755),
    (NO_CLUSTER, "create_main_cluster = false\n", 0o644),
)


def place(path: Path, text: str, mode: int) -> bool:
    """Writes a file unless there is one already, which then is the machine's own and stays as it is."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    except FileExistsError:
        return False
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    path.chmod(mode)
    return True


def disable_services(workspace: Workspace, packages: Sequence[str]) -> None:
    """Keeps what newly came from being started at the next boot."""
    for package in packages:
        files = answer(["dpkg-query", "-L", package], env=workspace.env, cwd=workspace.root)
        for line in files.splitlines():
            found = SERVICE_FILE.search(line)
            if found and found["unit"] and find_program("systemctl"):
                quietly(["systemctl", "disable", found["unit"]], workspace.env)
            elif found and found["script"]:
                quietly(["update-rc.d", found["script"], "disable"], workspace.env)


def quietly(command: Sequence[str], env: dict[str, str]) -> None:
    """Runs what may have nothing to do: a unit without an [Install] section cannot be disabled, and need not be."""
    subprocess.run(command, env=env, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
