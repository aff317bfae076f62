"""The base of a pull request, in checkouts as CI services make them."""

from __future__ import annotations

import base64
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from pull_requests import Origin
from repositories import commit, git

from pytest_perfbudget.checkout.revision import changed_paths
from pytest_perfbudget.errors import ConfigError, GitError
from pytest_perfbudget.gate import history
from pytest_perfbudget.gate.event import PullRequest
from pytest_perfbudget.gate.history import History
from pytest_perfbudget.gate.preparation import prepare


@pytest.fixture
def origin(tmp_path: Path) -> Origin:
    return Origin.make(tmp_path, {"shop.py": "1\n", "README.md": "a\n"})


@pytest.mark.parametrize("depth", [1, 2, 0])
def test_the_base_of_a_merge_is_its_first_parent(tmp_path: Path, origin: Origin, depth: int) -> None:
    """The branch has left main long ago: what main did since is no change of the pull request."""
    start = origin.tip()
    origin.advance(3)
    opened = origin.open({"shop.py": "2\n"}, departs_at=start)
    here = opened.checkout(tmp_path / "work", depth=depth)
    found = prepare(here, opened.environment(tmp_path))
    assert found.base.commit == opened.base
    assert found.changed == found.running == ["shop.py"]


@pytest.mark.parametrize("depth", [1, 0])
def test_the_base_of_a_head_is_where_it_departed(tmp_path: Path, origin: Origin, depth: int) -> None:
    start = origin.tip()
    origin.advance(3)
    opened = origin.open({"shop.py": "2\n"}, departs_at=start)
    here = opened.checkout(tmp_path / "work", "head", depth)
    found = prepare(here, opened.environment(tmp_path))
    assert found.base.commit == start
    assert found.changed == ["shop.py"]


def test_a_shallow_clone_is_deepened_step_by_step(
    tmp_path: Path, origin: Origin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "_DEPTHS", (1, 2))
    start = origin.tip()
    origin.advance(8)
    opened = origin.open({"shop.py": "2\n"}, departs_at=start)
    here = opened.checkout(tmp_path / "work", "head")
    assert prepare(here, opened.environment(tmp_path)).base.commit == start


@pytest.mark.parametrize("kind", ["merge", "head"])
def test_a_deleted_base_branch_is_found_by_its_commit(tmp_path: Path, origin: Origin, kind: str) -> None:
    opened = origin.open({"shop.py": "2\n"})
    here = opened.checkout(tmp_path / "work", kind)
    git(origin.bare, "update-ref", "-d", "refs/heads/main")
    assert prepare(here, opened.environment(tmp_path)).base.commit == opened.base


def test_a_base_that_cannot_be_fetched_is_a_line(tmp_path: Path, origin: Origin) -> None:
    opened = origin.open({"shop.py": "2\n"})
    here = opened.checkout(tmp_path / "work", "head")
    git(here, "remote", "set-url", "origin", f"file://{tmp_path}/nowhere")
    with pytest.raises(GitError, match=r"^the branch 'main' of the base cannot be fetched: git fetch: "):
        prepare(here, opened.environment(tmp_path))


def test_a_submodule_that_moved_is_a_change(tmp_path: Path, origin: Origin) -> None:
    commit(tmp_path / "inner", {"inner.py": "1\n"})
    git(origin.clone, "submodule", "add", "-q", str(tmp_path / "inner"), "vendor")
    commit(origin.clone, {})
    git(origin.clone, "push", "-q", "origin", "main")
    commit(tmp_path / "inner", {"inner.py": "2\n"})
    git(origin.clone / "vendor", "pull", "-q")
    opened = origin.open({"README.md": "b\n"})
    here = opened.checkout(tmp_path / "work")
    assert prepare(here, opened.environment(tmp_path)).running == ["vendor"]


def test_a_given_base_is_fetched_if_it_is_missing(tmp_path: Path, origin: Origin) -> None:
    opened = origin.open({"shop.py": "2\n"})
    here = opened.checkout(tmp_path / "work", "head")
    assert History(here).commit(opened.base).commit == opened.base
    with pytest.raises(GitError, match=r"^--base: '--upload-pack=x' is no commit: name a branch, "):
        History(here).commit("--upload-pack=x")
    with pytest.raises(GitError, match=r"^--base: 'nowhere' is no commit of this repository, and cannot be fetched: "):
        History(here).commit("nowhere")


def test_a_given_base_that_counts_back_needs_the_history(tmp_path: Path, origin: Origin) -> None:
    here = origin.open({"shop.py": "2\n"}).checkout(tmp_path / "work", "head")
    with pytest.raises(GitError, match=r"^--base: 'HEAD~9' is no commit .* without its history .*fetch-depth: 0\)$"):
        History(here).commit("HEAD~9")
    with pytest.raises(GitError, match=r"^--base: 'HEAD~99' is no commit of this repository: correct the name$"):
        History(origin.clone).commit("HEAD~99")


def test_a_given_base_with_dots_is_where_the_branches_parted(tmp_path: Path, origin: Origin) -> None:
    start = origin.tip()
    origin.advance(2)
    opened = origin.open({"shop.py": "2\n"}, departs_at=start)
    here = opened.checkout(tmp_path / "work", "head", 0)
    assert History(here).commit(f"{origin.tip()}...").commit == start


def test_without_a_pull_request_the_base_has_to_be_given(origin: Origin) -> None:
    with pytest.raises(ConfigError, match=r"^this is no pull request of GitHub or GitLab: name the commit .* --base$"):
        prepare(origin.clone, {})


def test_the_token_goes_into_the_environment_and_into_no_command_line(
    origin: Origin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_SERVER_URL", "https://git.example.org")
    given = History(origin.clone, "secret")._environment
    assert given["GIT_CONFIG_KEY_0"] == "http.https://git.example.org/.extraheader"
    git(origin.clone, "config", "http.https://git.example.org/.extraheader", "AUTHORIZATION: basic eA==")
    assert History(origin.clone, "secret")._environment == {}  # git refuses two headers
    assert History(origin.clone)._environment == {}


def test_git_sends_the_token_to_the_server_and_shows_it_nowhere(
    origin: Origin, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    class Server(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(self.headers["Authorization"])
            self.send_error(404)

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Server) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}"
        monkeypatch.setenv("GITHUB_SERVER_URL", address)
        git(origin.clone, "remote", "set-url", "origin", f"{address}/shop")
        with pytest.raises(GitError) as refused:
            History(origin.clone, "secret").commit("nowhere")
        server.shutdown()
    assert seen == ["basic " + base64.b64encode(b"x-access-token:secret").decode()]
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    "files", [{"README.md": "b\n"}, {"README.md": "b\n", "docs/a.md": "c\n", "docs/b.md": "d\n", "LICENSE": "e\n"}]
)
def test_a_change_of_the_documentation_is_skipped_with_a_sentence(
    tmp_path: Path, origin: Origin, files: dict[str, str]
) -> None:
    opened = origin.open(files)
    found = prepare(opened.checkout(tmp_path / "work"), opened.environment(tmp_path))
    named = "README.md" if len(files) == 1 else "LICENSE, README.md, docs/a.md and 1 more"
    assert (
        found.reason_to_skip == f"Nothing that runs has changed since {opened.base[:9]} ({named}), so no test was run."
    )


@pytest.mark.parametrize(
    ("file", "text", "running"),
    [
        ("shop.py", 'PAGE = open("README.md").read()', ["README.md"]),
        ("tests/test_shop.py", "from pathlib import Path\nPAGES = Path('docs').iterdir()", ["docs/a.md"]),
        ("tests/test_shop.py", 'PAGES = Path().rglob("*.md")', ["README.md", "docs/a.md"]),
        ("setup.py", 'long_description = open("README.md").read()', []),
        ("docs/conf.py", 'pages = ["a.md", "README.md"]', []),
        ("tests/test_shop.py", "# see README.md, and https://example.org/docs/a.md", []),
    ],
)
def test_a_document_that_code_or_tests_name_may_be_read(
    tmp_path: Path, origin: Origin, file: str, text: str, running: list[str]
) -> None:
    commit(origin.clone, {file: text, "docs/a.md": "a\n"})
    git(origin.clone, "push", "-q", "origin", "main")
    opened = origin.open({"README.md": "b\n", "docs/a.md": "b\n"})
    assert prepare(opened.checkout(tmp_path / "work"), opened.environment(tmp_path)).running == running


def test_a_document_is_named_in_a_module_that_an_attribute_of_git_calls_binary(tmp_path: Path, origin: Origin) -> None:
    commit(origin.clone, {"shop.py": 'open("docs/a.md")', "docs/a.md": "a\n", ".gitattributes": "*.py binary\n"})
    git(origin.clone, "push", "-q", "origin", "main")
    opened = origin.open({"docs/a.md": "b\n"})
    assert prepare(opened.checkout(tmp_path / "work"), opened.environment(tmp_path)).running == ["docs/a.md"]


def test_a_file_that_is_not_committed_is_a_change(tmp_path: Path, origin: Origin) -> None:
    opened = origin.open({"README.md": "b\n"})
    here = opened.checkout(tmp_path / "work")
    (here / "generated.py").write_text("1", "utf-8")
    assert prepare(here, opened.environment(tmp_path)).running == ["generated.py"]
    assert changed_paths(here, "HEAD") == ["generated.py"]


def test_only_the_first_parent_of_the_pull_requests_own_merge_is_the_base(origin: Origin) -> None:
    """A merge of main into the branch is the head itself."""
    start = origin.tip()
    git(origin.clone, "checkout", "-q", "-b", "other")
    commit(origin.clone, {"shop.py": "3\n"})
    git(origin.clone, "checkout", "-q", "main")
    origin.advance()
    git(origin.clone, "checkout", "-q", "other")
    git(origin.clone, "merge", "-q", "-m", "merge", "main")
    request = PullRequest("main", origin.tip(), origin.tip("other"))
    assert History(origin.clone).base_of(request).commit == origin.tip() != start
