"""The commits at which the baseline was made: whether pairs can compare with them, and what pairs cannot see."""

from __future__ import annotations

from collections.abc import Collection
from functools import partial
from pathlib import Path

from pytest_perfbudget.baseline.commit import COMMIT, DIRTY
from pytest_perfbudget.checkout.revision import Base, find_base
from pytest_perfbudget.compare.context import ComparisonContext
from pytest_perfbudget.compare.versions import why_not_as_for_baseline
from pytest_perfbudget.errors import GitError


class BaselineCommits:
    """What is known of the commits of the baseline's lines.

    Args:
        context: the session.
        file: the file of the baseline.
        machine: the key of this machine.
    """

    def __init__(self, context: ComparisonContext, file: Path, machine: str) -> None:
        self._root = context.root
        self._why_not_as_then = partial(why_not_as_for_baseline, file, machine, context.root)
        self._impossible: dict[str, str] = {}
        self._blind: str | None = None
        self._top: Path | None = None

    def base(self, commits: Collection[str]) -> Base:
        """Return the commit that all lines were made at.

        Raises:
            GitError: the lines were not made at one commit without further changes, or git does not have the commit.
        """
        made = ", ".join(sorted(commits))
        if any(one.endswith(DIRTY) for one in commits):
            message = (
                f"the baseline was made with changes that are in no commit ({made}), and no later commit has the same "
                "files: commit, and update the baseline"
            )
            raise GitError(message)
        if len(commits) != 1 or not made:
            message = f"the baseline was not made at one commit ({made or 'none'})"
            raise GitError(message)
        if not COMMIT.fullmatch(made):
            message = f"the baseline was made at {made!r}, which is no commit"
            raise GitError(message)
        try:
            return find_base(self._root, made)
        except GitError:
            message = (
                f"git does not have {made}, at which the baseline was made: fetch the commit (actions/checkout: "
                "fetch-depth: 0), or update the baseline"
            )
            raise GitError(message) from None

    def why_impossible(self, commit: str) -> str:
        """Return why pairs with a commit are not possible; empty if they may be possible, as far as is known."""
        if commit not in self._impossible:
            try:
                self.base({commit})
                self._impossible[commit] = ""
            except Exception as error:  # noqa: BLE001 - a test may be running, and have patched any function
                self._impossible[commit] = str(error) or type(error).__name__
        return self._impossible[commit]

    def note_impossible(self, commit: str, why: str) -> None:
        """Note that pairs with a commit have turned out not to be possible."""
        self._impossible[commit] = why

    def why_blind(self) -> str:
        """Return why pairs may not see what has changed since the baseline: code outside of the repository.

        Empty if no such change is known.
        """
        if self._blind is None:
            try:
                self._top = self._top or find_base(self._root, "HEAD").top
                self._blind = self._why_not_as_then(self._top)
            except Exception as error:  # noqa: BLE001 - see above; the next test may do without
                return str(error) or type(error).__name__
        return self._blind

    def look_again(self) -> None:
        """Let `why_blind` look again at what this process has imported, if pairs would see everything so far."""
        self._blind = self._blind or None
