"""Pull requests in real repositories: an origin, its base branch, and checkouts as CI services make them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from repositories import commit, git


@dataclass(frozen=True)
class Origin:
    """A bare repository with the branch `main`, and a clone in which commits are made."""

    bare: Path
    clone: Path

    @classmethod
    def make(cls, folder: Path, files: dict[str, str]) -> Origin:
        clone, bare = folder / "clone", folder / "origin.git"
        commit(clone, files)
        git(clone, "branch", "-M", "main")
        git(folder, "init", "-q", "--bare", str(bare))
        git(bare, "config", "uploadpack.allowAnySHA1InWant", "true")  # as the services allow
        git(bare, "symbolic-ref", "HEAD", "refs/heads/main")
        git(clone, "remote", "add", "origin", f"file://{bare}")
        git(clone, "push", "-q", "origin", "main")
        return cls(bare, clone)

    def tip(self, ref: str = "main") -> str:
        return git(self.clone, "rev-parse", ref)

    def advance(self, number: int = 1) -> None:
        """Add commits to the base."""
        git(self.clone, "checkout", "-q", "main")
        for at in range(number):
            commit(self.clone, {"other.txt": f"{at}\n"})
        git(self.clone, "push", "-q", "origin", "main")

    def open(self, files: dict[str, str], *, number: int = 1, departs_at: str = "main") -> PullRequestRefs:
        """Open a pull request, as of a fork: the origin has its refs, and no branch of its name."""
        git(self.clone, "checkout", "-q", "-B", "work", departs_at)
        head = commit(self.clone, files, "the pull request")
        base = self.tip()
        git(self.clone, "checkout", "-q", "--detach", "main")
        git(self.clone, "merge", "-q", "--no-ff", "-m", "merge", "work")
        merge = self.tip("HEAD")
        git(self.clone, "push", "-q", "origin", f"{head}:refs/pull/{number}/head", f"{merge}:refs/pull/{number}/merge")
        git(self.clone, "checkout", "-q", "main")
        return PullRequestRefs(self, number, base, head, merge)


@dataclass(frozen=True)
class PullRequestRefs:
    """A pull request, by the commits of its base, its head and their merge."""

    origin: Origin
    number: int
    base: str
    head: str
    merge: str

    def checkout(self, folder: Path, kind: str = "merge", depth: int = 1) -> Path:
        """Check the pull request out as actions/checkout does: only the asked commits, and a detached HEAD."""
        git(folder.parent, "init", "-q", str(folder))
        git(folder, "remote", "add", "origin", f"file://{self.origin.bare}")
        limit = [f"--depth={depth}"] if depth else []
        git(folder, "fetch", "-q", "--no-tags", *limit, "origin", f"+refs/pull/{self.number}/{kind}:refs/remotes/pull")
        git(folder, "checkout", "-q", "--detach", "refs/remotes/pull")
        return folder

    def environment(self, folder: Path, *labels: str) -> dict[str, str]:
        """Return the variables of a job on GitHub; files for its outputs lie in a folder."""
        described = {
            "base": {"ref": "main", "sha": self.base},
            "head": {"sha": self.head},
            "labels": [{"name": label} for label in labels],
        }
        event = folder / "event.json"
        event.write_text(json.dumps({"pull_request": described}), "utf-8")
        return {
            "GITHUB_ACTIONS": "true",
            "GITHUB_EVENT_NAME": "pull_request",
            "GITHUB_EVENT_PATH": str(event),
            "GITHUB_OUTPUT": str(folder / "output"),
            "GITHUB_STEP_SUMMARY": str(folder / "summary"),
        }
