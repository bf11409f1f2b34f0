"""Where the checks run: the repository, its target directory, and the environment that every check gets.

The environment is ours, not the caller's: a `LETTERHEAD_…` variable left over from a session of trying things out must
not decide whether a check passes.
"""

import json
import os
import shutil
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from gate.shell import answer

ROOT = Path(__file__).resolve().parents[2]
OWN_PREFIX = "LETTERHEAD_"
TEST_PREFIX = "LETTERHEAD_TEST_"


def clean_environment() -> dict[str, str]:
    """The caller's environment without Letterhead's own settings; those of the test suite stay."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(OWN_PREFIX) or name.startswith(TEST_PREFIX)
    }


@dataclass
class Workspace:
    """The checkout under test. `notes` collects what a step wants repeated in the final table."""

    root: Path = ROOT
    env: dict[str, str] = field(default_factory=clean_environment)
    notes: list[str] = field(default_factory=list)

    @cached_property
    def target(self) -> Path:
        """Cargo's target directory, wherever the caller has put it."""
        asked = ["cargo", "metadata", "--format-version", "1", "--no-deps"]
        metadata = json.loads(answer(asked, env=self.env, cwd=self.root))
        return Path(metadata["target_directory"])

    @property
    def tools(self) -> Path:
        """Where fetched tools live: beside the build's other products, so that `cargo clean` removes them too."""
        return self.target / "tools"

    def note(self, text: str) -> None:
        """Says something now and once more at the end."""
        print(f"note: {text}", flush=True)
        self.notes.append(text)


def is_root() -> bool:
    return os.geteuid() == 0


def find_program(name: str) -> str | None:
    """The path of a program; `sbin` too, which is not on everyone's path."""
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")
