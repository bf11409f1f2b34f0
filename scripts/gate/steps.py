"""The checks, in the order in which they are run: what is quick and what breaks most often comes first.

All of them build with the same features and flags, the whole workspace with all its targets. Anything else would make
Cargo build most of the 400 dependencies a second time.
"""

import shutil
import tempfile
from pathlib import Path

from gate import packages, tools
from gate.house import check_house_rules
from gate.postgres import find_programs, free_port, running_server
from gate.runner import Step
from gate.shell import Failed, answer, run
from gate.workspace import Workspace, find_program, is_root

OPENAPI = "openapi/letterhead.json"
POSTGRES_VARIABLE = "LETTERHEAD_TEST_POSTGRES"
WITHOUT_MTA_VARIABLE = "LETTERHEAD_TEST_WITHOUT_MTA"
WITHOUT_NAMESPACES_VARIABLE = "LETTERHEAD_TEST_WITHOUT_NAMESPACES"
# The packages whose tests reach the store; the others would only repeat themselves.
STORE_PACKAGES = ("storage", "tests")
# Programs that tests start as mail servers, and the packages they are in.
MAIL_SERVERS = (("postfix", "postfix"), ("dovecot", "dovecot-core"))
# What tests do that need a network of their own.
OWN_NETWORK = "ip link set lo up && ip -6 route add local ::/0 dev lo && mount --bind /etc/hosts /etc/hosts"
# The demo itself promises 20 s; the rest is for a machine under load.
DEMO_SECONDS = 60
# It takes less than 90 s; the rest is for a machine under load.
LEDGER_SECONDS = 240


def check_format(workspace: Workspace) -> None:
    run(["cargo", "fmt", "--all", "--check"], env=workspace.env, cwd=workspace.root)


def check_lints(workspace: Workspace) -> None:
    command = ["cargo", "clippy", "--locked", "--workspace", "--all-targets", "--keep-going", "--", "-D", "warnings"]
    run(command, env=workspace.env, cwd=workspace.root)


def check_docs(workspace: Workspace) -> None:
    command = ["cargo", "doc", "--locked", "--workspace", "--no-deps", "--document-private-items"]
    run(command, env=workspace.env | {"RUSTDOCFLAGS": "-D warnings"}, cwd=workspace.root)


def check_dependencies(workspace: Workspace) -> None:
    program = tools.deny(workspace)
    command = [program, "--workspace", "--locked", "check", "licenses", "bans", "sources"]
    run(command, env=workspace.env, cwd=workspace.root)


def test_on_sqlite(workspace: Workspace) -> None:
    env = mail_server_env(workspace) | namespace_env(workspace)
    # The README's commands use them, and a test runs those.
    absent = [name for name in ("curl", "openssl") if not find_program(name)]
    if absent:
        packages.require_packages(workspace, absent)
    env.pop(POSTGRES_VARIABLE, None)
    run_tests(workspace, env, ())
    run(["cargo", "test", "--locked", "--workspace", "--doc", "--quiet"], env=env, cwd=workspace.root)


def test_on_postgres(workspace: Workspace) -> None:
    """The same tests on the other store: on the caller's server if they name one, else on a temporary one."""
    env = mail_server_env(workspace) | namespace_env(workspace)
    if env.get(POSTGRES_VARIABLE):
        run_tests(workspace, env, STORE_PACKAGES)
        return
    with running_server(workspace) as url:
        run_tests(workspace, env | {POSTGRES_VARIABLE: url}, STORE_PACKAGES)


def run_tests(workspace: Workspace, env: dict[str, str], only: tuple[str, ...]) -> None:
    """Runs the tests of the whole workspace, or of some packages as built with the whole workspace."""
    nextest = tools.nextest(workspace)
    if nextest:
        narrowed = ["-E", " | ".join(f"package({name})" for name in only)] if only else []
        command = [nextest, "nextest", "run", "--locked", "--workspace", "--all-targets", "--no-fail-fast", *narrowed]
    else:
        chosen = [part for name in only for part in ("--package", name)] or ["--workspace"]
        command = ["cargo", "test", "--locked", *chosen, "--all-targets", "--no-fail-fast"]
    run(command, env=env, cwd=workspace.root)


def mail_server_env(workspace: Workspace) -> dict[str, str]:
    """Sees to it that tests against a real mail server can run, or says that they cannot: Postfix needs root."""
    if WITHOUT_MTA_VARIABLE in workspace.env:
        workspace.note(f"tests against a real mail server left out, as {WITHOUT_MTA_VARIABLE} asks")
        return dict(workspace.env)
    if not is_root():
        workspace.note("tests against a real mail server left out: Postfix can only be run by root")
        return workspace.env | {WITHOUT_MTA_VARIABLE: "1"}
    absent = [package for program, package in MAIL_SERVERS if not find_program(program)]
    if absent:
        packages.require_packages(workspace, absent)
    return dict(workspace.env)


def namespace_env(workspace: Workspace) -> dict[str, str]:
    """Says where tests cannot have a network of their own: they need unshare(1), ip(8), and leave to use them."""
    if WITHOUT_NAMESPACES_VARIABLE in workspace.env:
        workspace.note(f"tests in a network of their own left out, as {WITHOUT_NAMESPACES_VARIABLE} asks")
        return {}
    if not find_program("ip") and is_root():
        packages.require_packages(workspace, ["iproute2"])
    try:
        command = ["unshare", "--map-root-user", "--net", "--mount", "sh", "-c", OWN_NETWORK]
        answer(command, env=workspace.env, cwd=workspace.root)
    except Failed:
        workspace.note("tests in a network of their own left out: unshare(1) or ip(8) is not to be had here")
        return {WITHOUT_NAMESPACES_VARIABLE: "1"}
    return {}


def check_ledger(workspace: Workspace) -> None:
    """Kills, freezes and starves the real program for a minute, on both stores, and balances the books."""
    run(["cargo", "build", "--locked", "--workspace", "--all-targets"], env=workspace.env, cwd=workspace.root)
    command = [workspace.target / "debug" / "ledger", "--postgres-programs", find_programs(workspace)]
    run(command, env=workspace.env, cwd=workspace.root, timeout=LEDGER_SECONDS)


def check_openapi_drift(workspace: Workspace) -> None:
    run(["cargo", "build", "--locked", "--workspace", "--all-targets"], env=workspace.env, cwd=workspace.root)
    program = workspace.target / "debug" / "letterhead"
    run([program, "openapi", "--check", OPENAPI], env=workspace.env, cwd=workspace.root)


def check_openapi_style(workspace: Workspace) -> None:
    program = tools.redocly(workspace)
    # The linter reports its use to its maker and looks for updates unless told not to.
    env = workspace.env | {"REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true"}
    run([program, "lint", "--config", "redocly.yaml", OPENAPI], env=env, cwd=workspace.root)


def check_compose_file(workspace: Workspace) -> None:
    """Has the compose file read by docker-compose; that needs no engine."""
    command = compose_command(workspace)
    if not command:
        workspace.note("docker-compose.yml not read: install docker-compose, or run as root on Debian")
        return
    run([*command, "-f", "docker-compose.yml", "config", "-q"], env=workspace.env, cwd=workspace.root)


def compose_command(workspace: Workspace) -> list[str] | None:
    if find_program("docker") and has_compose_plugin(workspace):
        return ["docker", "compose"]
    if not find_program("docker-compose") and is_root():
        packages.require_packages(workspace, ["docker-compose"])
    found = find_program("docker-compose")
    return [found] if found else None


def has_compose_plugin(workspace: Workspace) -> bool:
    try:
        answer(["docker", "compose", "version"], env=workspace.env, cwd=workspace.root)
    except Failed:
        return False
    return True


def check_release(workspace: Workspace) -> None:
    """Builds what is shipped, and has it do its main job in an empty folder."""
    run(["cargo", "build", "--locked", "--release", "-p", "letterhead"], env=workspace.env, cwd=workspace.root)
    program = workspace.target / "release" / "letterhead"
    env = workspace.env | {
        "LETTERHEAD_LISTEN": f"127.0.0.1:{free_port()}",
        "LETTERHEAD_INTERNAL_LISTEN": f"127.0.0.1:{free_port()}",
    }
    home = Path(tempfile.mkdtemp(prefix="letterhead-demo-"))
    try:
        run([program, "demo", "--once"], env=env, cwd=home, timeout=DEMO_SECONDS)
    finally:
        shutil.rmtree(home, ignore_errors=True)


STEPS = (
    Step("fmt", "the code is formatted", check_format),
    Step("lint", "clippy has nothing to say", check_lints),
    Step("doc", "the documentation builds, and its links lead somewhere", check_docs),
    Step("deny", "licences, banned crates and sources of all dependencies are as agreed", check_dependencies),
    Step("sqlite", "all tests pass on SQLite", test_on_sqlite),
    Step("postgres", "the tests that reach the store pass on PostgreSQL", test_on_postgres),
    Step("ledger", "nothing is lost, sent twice unaccounted or sent too late, whatever is killed", check_ledger),
    Step("drift", "the checked-in OpenAPI document is what the program serves", check_openapi_drift),
    Step("openapi", "a public linter accepts the OpenAPI document", check_openapi_style),
    Step("house", "files and pages keep the house rules", check_house_rules),
    Step("compose", "docker-compose accepts docker-compose.yml", check_compose_file),
    Step("release", "the release build runs the demo, and every message arrives", check_release),
)
