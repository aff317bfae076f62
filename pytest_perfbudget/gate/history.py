"""The base of a pull request: the commit from which the pull request departs, fetched as deep as that needs."""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pytest_perfbudget.errors import GitError
from pytest_perfbudget.gate.event import PullRequest
from pytest_perfbudget.git import git

_DEPTHS: Final = (50, 500, 5_000)
"""The numbers of commits by which a shallow clone is deepened until the base is found; then all commits are fetched."""
_ANCESTRY: Final = ("~", "^", "@{")
"""The marks of a name that counts from another commit, such as `HEAD~1`."""

SHORT: Final = 9
"""The digits of a hash in messages, as everywhere in this package."""

_SECONDS: Final = 600.0


@dataclass(frozen=True, slots=True)
class GateBase:
    """The commit to compare with, and how the commit was found, in words."""

    commit: str
    found_as: str

    @property
    def short(self) -> str:
        """The abbreviated hash, for messages; long enough for a repository of millions of objects."""
        return self.commit[:SHORT]


class History:
    """The history of a clone, which is fetched as far as needed.

    Args:
        folder: a folder of the clone.
        token: a token for the service of the remote `origin`; empty if git has the right to fetch, or needs none.
    """

    def __init__(self, folder: Path, token: str = "") -> None:
        self._folder = folder
        self._environment = _authorization(folder, token)

    def base_of(self, request: PullRequest) -> GateBase:
        """Return the base of a pull request.

        The checkout is a merge of the pull request into its base (`refs/pull/N/merge`), or the pull request itself.
        The base of a merge is its first parent: the difference is the pull request, and nothing else.

        Raises:
            GitError: the base cannot be found or fetched.
        """
        if request.head_sha and (parent := self._parent_of_merge(request.head_sha)):
            return GateBase(parent, "the commit into which the pull request is merged")
        tip = self._tip(request)
        problem = self._deepen(tip) if self._is_shallow() else ""
        if found := self._merge_base(tip):
            return GateBase(found, "the commit at which the pull request departed")
        message = f"HEAD and {request.base_ref or tip} have no commit in common{f' ({problem})' if problem else ''}: "
        raise GitError(f"{message}let the job fetch the history, or give --base")

    def commit(self, name: str) -> GateBase:
        """Return the base that the user names; a commit that the clone lacks is fetched.

        Raises:
            GitError: there is no such commit.
        """
        plain = name.removesuffix("...")
        if plain.startswith("-"):
            message = f"--base: {name!r} is no commit: name a branch, a tag or a commit, such as origin/main"
            raise GitError(message)
        if not self._has(plain) and any(mark in plain for mark in _ANCESTRY):  # git fetches no commit by such a name
            message = f"--base: {plain!r} is no commit of this repository"
            if self._is_shallow():
                raise GitError(f"{message}, which was cloned without its history (actions/checkout: fetch-depth: 0)")
            raise GitError(f"{message}: correct the name")
        if not self._has(plain) and (problem := self._fetch(self._shallowly(), plain)):
            message = f"--base: {plain!r} is no commit of this repository, and cannot be fetched: {problem}"
            raise GitError(message)
        commit = self._resolved(plain) or self._resolved("FETCH_HEAD")
        if not name.endswith("..."):
            return GateBase(commit, f"{name}, as given")
        return self.base_of(PullRequest(base_sha=commit))

    def _parent_of_merge(self, head: str) -> str:
        """Return the first parent of HEAD if HEAD merges the pull request's last commit; else an empty text.

        git knows the parents of the last commit of a shallow clone without having them.
        """
        lines = git(self._folder, "cat-file", "-p", "HEAD").splitlines()
        parents = [line.split()[1] for line in lines[: lines.index("")] if line.startswith("parent ")]
        if len(parents) != 2 or parents[1] != head:
            return ""
        if not self._has(parents[0]) and (problem := self._fetch("--depth=1", parents[0])):
            message = f"the base {parents[0][:9]} of the pull request cannot be fetched: {problem}"
            raise GitError(message)
        return parents[0]

    def _tip(self, request: PullRequest) -> str:
        """Return the last commit of the base's branch, or the one that the service names if the branch is gone."""
        problem = ""
        if request.base_ref:
            problem = self._fetch(
                self._shallowly(), f"+refs/heads/{request.base_ref}:refs/remotes/origin/{request.base_ref}"
            )
            if found := self._resolved(f"refs/remotes/origin/{request.base_ref}"):
                return found
        if request.base_sha and (self._has(request.base_sha) or not self._fetch(self._shallowly(), request.base_sha)):
            return request.base_sha
        message = f"the branch {request.base_ref!r} of the base cannot be fetched: {problem or 'it has no commit'}"
        raise GitError(message)

    def _deepen(self, tip: str) -> str:
        """Fetch earlier commits of HEAD and of the base until they meet; return the last problem."""
        problem = ""
        for depth in ("", *(f"--deepen={number}" for number in _DEPTHS), "--unshallow"):
            problem = self._fetch(depth, "HEAD", tip) if depth else ""
            if self._merge_base(tip):
                return ""
        return problem

    def _fetch(self, option: str, *commits: str) -> str:
        """Fetch from the remote, and return the problem; empty if there was none.

        Args:
            option: the option for the depth; empty to fetch to the depth that the clone has.
            commits: the commits, branches or refspecs; `HEAD` stands for the commit that is checked out.
        """
        named = [self._resolved(one) if one == "HEAD" else one for one in commits]
        options = ["--quiet", "--no-tags", "--no-recurse-submodules", *([option] if option else [])]
        try:
            git(self._folder, "fetch", *options, "origin", *named, seconds=_SECONDS, environment=self._environment)
        except GitError as error:
            return str(error)
        return ""

    def _shallowly(self) -> str:
        """Return the option for a commit without its history, so that a complete clone stays complete."""
        return "--depth=1" if self._is_shallow() else ""

    def _has(self, name: str) -> bool:
        return bool(self._resolved(name))

    def _resolved(self, name: str) -> str:
        with suppress(GitError):
            return git(self._folder, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
        return ""

    def _merge_base(self, commit: str) -> str:
        with suppress(GitError):
            return git(self._folder, "merge-base", commit, "HEAD")
        return ""

    def _is_shallow(self) -> bool:
        return git(self._folder, "rev-parse", "--is-shallow-repository") == "true"


def _authorization(folder: Path, token: str) -> Mapping[str, str]:
    """Return the variables with which git sends a token, unless git has a right to fetch already.

    A command line would show the token to every process of the machine.
    """
    server = os.environ.get("GITHUB_SERVER_URL", "")
    if not token or not server:
        return {}
    key = f"http.{server}/.extraheader"
    with suppress(GitError):
        if git(folder, "config", "--get-all", key):
            return {}
    encoded = base64.b64encode(f"x-access-token:{token}".encode()).decode()
    return {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": key,
        "GIT_CONFIG_VALUE_0": f"AUTHORIZATION: basic {encoded}",
    }
