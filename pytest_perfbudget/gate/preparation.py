"""The preparation of the gate: the base of the pull request, and whether the pull request changes anything that runs.

The action takes this step before it installs anything, so the modules that it imports need nothing but Python and git.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pytest_perfbudget.checkout.named_documents import named_documents
from pytest_perfbudget.checkout.revision import changed_paths, linked_paths
from pytest_perfbudget.core.changed_files import may_run, that_may_run
from pytest_perfbudget.errors import ConfigError
from pytest_perfbudget.gate.event import PullRequest, pull_request
from pytest_perfbudget.gate.history import GateBase, History
from pytest_perfbudget.report.printable import printable

TOKEN: Final = "PERFBUDGET_GATE_TOKEN"  # noqa: S105 - the name of a variable
"""The variable with a token that may read the repository, for checkouts that keep no right to fetch."""

_MOST_NAMED: Final = 3


@dataclass(frozen=True, slots=True)
class Preparation:
    """The result of the preparation.

    Attributes:
        request: the pull request; None if the base is given instead.
        base: the commit to compare with.
        changed: the changed files, from the top of the repository.
        running: those of the changed files that can change the time of a test.
    """

    request: PullRequest | None
    base: GateBase
    changed: Sequence[str]
    running: Sequence[str]

    @property
    def reason_to_skip(self) -> str:
        """The sentence that explains why no test needs to run; empty if tests have to run."""
        if self.running:
            return ""
        if not self.changed:
            return f"Nothing has changed since {self.base.short}, so no test was run."
        names = ", ".join(printable(name, unicode=True) for name in self.changed[:_MOST_NAMED])
        more = f" and {len(self.changed) - _MOST_NAMED} more" if self.changed[_MOST_NAMED:] else ""
        return f"Nothing that runs has changed since {self.base.short} ({names}{more}), so no test was run."


def prepare(folder: Path, environment: Mapping[str, str], base: str = "") -> Preparation:
    """Find the base and the changed files of the pull request that a CI service runs for.

    Args:
        folder: a folder of the checkout.
        environment: the environment variables.
        base: the base as the user names it; empty for the base of the pull request.

    Raises:
        ConfigError: there is neither a pull request nor a given base.
        GitError: the base cannot be found or fetched.
    """
    history = History(folder, environment.get(TOKEN, ""))
    request = pull_request(environment)
    if base:
        found = history.commit(base)
    elif request is not None:
        found = history.base_of(request)
    else:
        message = "this is no pull request of GitHub or GitLab: name the commit to compare with by --base"
        raise ConfigError(message)
    changed = changed_paths(folder, found.commit)
    named = named_documents(folder, [path for path in changed if not may_run(path)])
    return Preparation(request, found, changed, that_may_run(changed, linked_paths(folder), named))
