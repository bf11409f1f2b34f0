"""The house rules that no compiler and no linter checks: how files open, how long they are, what the pages name.

A rule that is only written down is not kept, so each one here fails the run and says where.
"""

import math
import re
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path

from gate.shell import Failed, answer
from gate.workspace import Workspace

LONGEST_FILE = 600
MEDIAN_LINES = 120
P90_LINES = 350
LONGEST_ARCHITECTURE = 250
# Put together here, so that this file does not hold the words it looks for.
LEFT_OPEN = re.compile(r"\b(?:" + "|".join(["TO" + "DO", "FIX" + "ME", "XX" + "X"]) + r")\b")
HANDWRITTEN = {".rs", ".py", ".sh", ".sql", ".html", ".css", ".js", ".toml", ".yml", ".yaml"}
README_COMMANDS = ("make demo", "make test")
COMMAND_IN_README = re.compile(r"\bmake ([a-z][a-z-]*)")
MAKE_TARGET = re.compile(r"^([a-z][a-z-]*):", re.MULTILINE)


def check_house_rules(workspace: Workspace) -> None:
    """`Failed` with every rule that is broken, not only the first."""
    files = tracked_files(workspace)
    faults = [
        *unexplained_modules(files),
        *overlong_files(files),
        *files_left_open(files),
        *lengths_out_of_bounds(files),
        *architecture_faults(workspace.root),
        *readme_faults(workspace.root),
    ]
    for fault in faults:
        print(f"  {fault.replace(f'{workspace.root}/', '')}")
    if faults:
        raise Failed(f"{len(faults)} house rules broken; they are listed above")


def tracked_files(workspace: Workspace) -> list[Path]:
    """What git knows or would take: written files, not built ones."""
    listing = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    names = answer(listing, env=workspace.env, cwd=workspace.root).split("\0")
    paths = (workspace.root / name for name in names if name)
    return [path for path in paths if path.is_file()]


def of_kind(files: Sequence[Path], *suffixes: str) -> list[Path]:
    return [path for path in files if path.suffix in suffixes]


def lines_of(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines()


def unexplained_modules(files: Sequence[Path]) -> Iterator[str]:
    for path in of_kind(files, ".rs"):
        if not lines_of(path)[:1] or not lines_of(path)[0].startswith("//! "):
            yield f"{path}: does not open with `//!`, what it is for"


def overlong_files(files: Sequence[Path]) -> Iterator[str]:
    for path in of_kind(files, *HANDWRITTEN):
        length = len(lines_of(path))
        if length > LONGEST_FILE:
            yield f"{path}: {length} lines, more than {LONGEST_FILE}; perhaps two rooms in one"


def files_left_open(files: Sequence[Path]) -> Iterator[str]:
    for path in of_kind(files, *HANDWRITTEN):
        for number, line in enumerate(lines_of(path), start=1):
            if LEFT_OPEN.search(line):
                yield f"{path}:{number}: left open: {line.strip()}"


def lengths_out_of_bounds(files: Sequence[Path]) -> Iterator[str]:
    sources = of_kind(files, ".rs")
    lengths = sorted(len(lines_of(path)) for path in sources)
    median, p90 = at_rank(lengths, 0.5), at_rank(lengths, 0.9)
    comments = share_of_comments(sources)
    print(f"{len(lengths)} Rust files: median {median} lines, p90 {p90}, longest {lengths[-1]}; comments {comments:.0%}")
    if median > MEDIAN_LINES:
        yield f"the median Rust file has {median} lines, more than {MEDIAN_LINES}"
    if p90 > P90_LINES:
        yield f"one Rust file in ten has {p90} lines or more, the bound is {P90_LINES}"


def at_rank(ordered: Sequence[int], share: float) -> int:
    """The smallest value that at least `share` of all values do not exceed."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def share_of_comments(sources: Sequence[Path]) -> float:
    lines = [line.strip() for path in sources for line in lines_of(path) if line.strip()]
    return sum(1 for line in lines if line.startswith("//")) / len(lines)


def architecture_faults(root: Path) -> Iterator[str]:
    page = root / "ARCHITECTURE.md"
    if not page.exists():
        yield "ARCHITECTURE.md is missing"
        return
    length = len(lines_of(page))
    if length > LONGEST_ARCHITECTURE:
        yield f"ARCHITECTURE.md has {length} lines, more than {LONGEST_ARCHITECTURE}"
    text = page.read_text(encoding="utf-8")
    for name in crate_names(root):
        if f"`{name}`" not in text:
            yield f"ARCHITECTURE.md does not name the crate `{name}`"


def crate_names(root: Path) -> list[str]:
    members = tomllib.loads((root / "Cargo.toml").read_text(encoding="utf-8"))["workspace"]["members"]
    manifests = [path / "Cargo.toml" for member in members for path in sorted(root.glob(member))]
    return [tomllib.loads(manifest.read_text(encoding="utf-8"))["package"]["name"] for manifest in manifests]


def readme_faults(root: Path) -> Iterator[str]:
    page = root / "README.md"
    if not page.exists():
        yield "README.md is missing"
        return
    text = page.read_text(encoding="utf-8")
    for command in README_COMMANDS:
        if command not in text:
            yield f"README.md does not tell of `{command}`"
    targets = set(MAKE_TARGET.findall((root / "Makefile").read_text(encoding="utf-8")))
    for target in sorted(set(COMMAND_IN_README.findall(code_of(text))) - targets):
        yield f"README.md names `make {target}`, which the Makefile does not know"


def code_of(markdown: str) -> str:
    """The code spans and blocks of a page; in prose, `make` is only a verb."""
    return "\n".join(re.findall(r"```.*?```|`[^`\n]+`", markdown, re.DOTALL))
