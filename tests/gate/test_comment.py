"""The comment on a pull request, whose verdict anybody may have written."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

import pytest
from action_steps import ROOT
from full_result import HOSTILE
from markdown_it import MarkdownIt

from pytest_perfbudget.core.finding import Finding, Severity
from pytest_perfbudget.core.outcome import GateVerdict, Outcome
from pytest_perfbudget.core.run_result import RunResult
from pytest_perfbudget.errors import ReportError
from pytest_perfbudget.gate import github_api
from pytest_perfbudget.gate.comment import post
from pytest_perfbudget.gate.verdict_file import verdict_text
from pytest_perfbudget.report.verdict_comment import MARKER, comment

COMMIT = "c" * 40
EVENT = {"workflow_run": {"head_sha": COMMIT, "head_branch": "work", "head_repository": {"owner": {"login": "fork"}}}}
INJECTIONS = (
    *HOSTILE,
    "[link](https://evil.example.org)", "![picture](https://evil.example.org/a.png)", "@everybody", "<img src=x>",
    "https://evil.example.org", "``` \n# heading\n```", "~~~\n[a](b)\n", "-->\n# heading", "fixes #1", "`` [a](b) ``",
    "\u2028# heading", "</details>", "- list\n- list", "| a | b |\n|---|---|\n",
)  # fmt: skip

NO_REPORT = (
    f"{MARKER}\n### Performance: no verdict\n\n```text\nThere is no report that can be read{{end}}: see the page of the "
    "job.\n```\n\nCommit `ccccccccc`.\n"
)


class Service(BaseHTTPRequestHandler):
    """The part of GitHub's API that a comment needs, over HTTP."""

    comments: ClassVar[list[dict[str, Any]]] = []
    pulls: ClassVar[list[dict[str, Any]]] = []
    seen: ClassVar[list[tuple[str, str]]] = []
    login: ClassVar[str] = ""

    def _answer(self, value: object, status: int = 200) -> None:
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _body(self) -> str:
        text: str = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["body"]
        return text

    def do_GET(self) -> None:
        parts, query = urlsplit(self.path), parse_qs(urlsplit(self.path).query)
        self.seen.append(("GET", self.headers["Authorization"]))
        if parts.path == "/repos/owner/shop/pulls":
            self._answer(self.pulls if query["head"] == ["fork:work"] else [])
        elif parts.path == "/repos/owner/shop/issues/7/comments":
            start = (int(query["page"][0]) - 1) * int(query["per_page"][0])
            self._answer(self.comments[start : start + int(query["per_page"][0])])
        elif parts.path == "/user" and self.login:
            self._answer({"login": self.login})
        else:
            self._answer({}, 404)

    def do_POST(self) -> None:
        self.comments.append({"id": len(self.comments), "body": self._body(), "user": {"type": "Bot"}})
        self._answer({}, 201)

    def do_PATCH(self) -> None:
        self.comments[int(self.path.rpartition("/")[2])]["body"] = self._body()
        self._answer({})

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def service() -> Iterator[str]:
    Service.comments, Service.seen, Service.login = [], [], ""
    Service.pulls = [{"number": 7, "head": {"sha": COMMIT}}]
    server = ThreadingHTTPServer(("127.0.0.1", 0), Service)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def job(tmp_path: Path, service: str) -> dict[str, str]:
    (tmp_path / "event.json").write_text(json.dumps(EVENT), "utf-8")
    save(tmp_path, "10 % slower")
    return {
        "GITHUB_API_URL": service,
        "GITHUB_REPOSITORY": "owner/shop",
        "GITHUB_TOKEN": "secret",
        "GITHUB_EVENT_PATH": str(tmp_path / "event.json"),
        "PERFBUDGET_VERDICT": str(tmp_path / "verdict.json"),
    }


def save(folder: Path, headline: str) -> None:
    found = RunResult(findings=[Finding("regressed", Severity.FAILURE, "a.py::test", headline=headline)])
    text = verdict_text(GateVerdict(Outcome.REGRESSED, "1 regressed."), found, 12)
    (folder / "verdict.json").write_text(text, "utf-8")


def ended(job: dict[str, str], **run: object) -> None:
    """Describe the run whose verdict is posted."""
    event = {"workflow_run": {**EVENT["workflow_run"], **run}}
    Path(job["GITHUB_EVENT_PATH"]).write_text(json.dumps(event), "utf-8")


def test_one_comment_is_added_and_then_replaced(
    job: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(github_api, "_PER_PAGE", 2)
    quoted = {"id": 0, "body": f"{MARKER} as I said", "user": {"type": "User"}}
    Service.comments = [quoted, {**quoted, "id": 1}, {**quoted, "id": 2}]
    assert post(job) == "added the comment on pull request 7"
    save(tmp_path, "20 % slower")
    assert post(job) == "replaced the comment on pull request 7"
    assert len(Service.comments) == 4
    assert Service.comments[3]["body"] == (
        f"{MARKER}\n### Performance: slower than its base\n\n```text\n1 regressed.\n```\n\n"
        "Failures:\n\n- `a.py::test`: `20 % slower`\n\nCommit `ccccccccc`, after 12 s.\n"
    )
    assert {authorization for _, authorization in Service.seen} == {"Bearer secret"}


def test_a_pull_request_with_a_newer_commit_gets_no_comment(job: dict[str, str]) -> None:
    Service.pulls[0]["head"]["sha"] = "d" * 40
    assert post(job).startswith("not exactly 1 open pull request ends with the commit ccccccccc:")
    assert Service.comments == []


def test_the_step_runs_with_the_standard_library_only(job: dict[str, str]) -> None:
    environment = {**os.environ, **job, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-S", "-m", "pytest_perfbudget.gate.comment"]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout == "added the comment on pull request 7\n"


@pytest.mark.parametrize("content", [b"", b"{}", b"[" * 70_000, b'{"schema": "perfbudget-verdict/1"}'])
def test_nothing_of_a_file_against_the_schema_is_posted(job: dict[str, str], content: bytes) -> None:
    Path(job["PERFBUDGET_VERDICT"]).write_bytes(content)
    with pytest.raises(ReportError, match=r"^verdict\.json "):
        post(job)
    assert [one["body"] for one in Service.comments] == [NO_REPORT.format(end="")]


def test_a_job_without_a_verdict_replaces_the_comment_of_an_earlier_commit(job: dict[str, str]) -> None:
    """A job whose installation fails writes no verdict, and a green comment would remain."""
    assert post(job) == "added the comment on pull request 7"
    Path(job["PERFBUDGET_VERDICT"]).unlink()
    ended(job, conclusion="failure")
    with pytest.raises(ReportError, match=r"verdict\.json cannot be read: No such file or directory$"):
        post(job)
    end = ", and the workflow ended with failure"
    assert [one["body"] for one in Service.comments] == [NO_REPORT.format(end=end)]


@pytest.mark.parametrize("conclusion", ["cancelled", "skipped"])
def test_a_run_that_a_newer_one_replaces_has_no_comment(job: dict[str, str], conclusion: str) -> None:
    ended(job, conclusion=conclusion)
    assert post(job) == f"the run was {conclusion}: no comment"
    assert Service.seen == []


def test_a_link_is_not_followed(job: dict[str, str], tmp_path: Path) -> None:
    file = Path(job["PERFBUDGET_VERDICT"])
    file.rename(tmp_path / "other.json")
    file.symlink_to(tmp_path / "other.json")
    with pytest.raises(ReportError, match=r"^verdict\.json is a link, which is not followed$"):
        post(job)


def test_a_refusal_is_a_line(job: dict[str, str]) -> None:
    with pytest.raises(ReportError, match=r"^GitHub refused GET /pulls: HTTP Error 404"):
        post({**job, "GITHUB_REPOSITORY": "owner/other"})
    with pytest.raises(ReportError, match=r"^GITHUB_EVENT_PATH describes no workflow_run"):
        post({**job, "GITHUB_EVENT_PATH": job["PERFBUDGET_VERDICT"]})


@pytest.mark.parametrize(
    ("run", "posted"),
    [
        ({"conclusion": "failure"}, "slower than its base"),
        ({"conclusion": "success"}, "The report says regressed, and the workflow ended with success"),
        ({"head_repository": None}, ""),
        ({"pull_requests": [{"number": 7, "head": {"sha": COMMIT}}], "head_branch": "other"}, "slower than its base"),
    ],
)
def test_the_pull_request_and_the_end_are_those_of_the_run(
    job: dict[str, str], run: dict[str, Any], posted: str
) -> None:
    ended(job, **run)
    assert post(job).endswith("on pull request 7" if posted else "no comment")
    assert [posted in one["body"] for one in Service.comments] == [True] * bool(posted)


def test_a_commit_of_two_pull_requests_gets_no_comment(job: dict[str, str]) -> None:
    Service.pulls.append({"number": 8, "head": {"sha": COMMIT}})
    assert post(job).startswith("not exactly 1 open pull request")


def test_the_comment_of_the_tokens_owner_is_replaced(job: dict[str, str]) -> None:
    mine = {"id": 0, "body": f"{MARKER}\nold", "user": {"type": "User", "login": "me"}}
    Service.comments = [mine, {**mine, "id": 1, "user": {"type": "User", "login": "you"}}]
    Service.login = "me"
    assert post(job).startswith("replaced")
    assert "old" not in Service.comments[0]["body"]
    Service.comments, Service.login = [{**mine, "body": f"{MARKER}\nold"}], "other"
    assert post(job).startswith("added")


@pytest.mark.parametrize("text", INJECTIONS)
def test_no_text_from_outside_becomes_markdown(text: str) -> None:
    """The comment of harmless words has the same structure, and all foreign words are in code."""

    def parts(words: str) -> list[tuple[str, str]]:
        verdict = GateVerdict(Outcome.REGRESSED, words)
        page = comment(verdict, seconds=1, failures=[(words, words)], loosened=[words], more=3, commit=COMMIT)
        tokens = MarkdownIt("gfm-like", {"linkify": False}).parse(page)
        return [(part.type, part.content) for token in tokens for part in (token, *(token.children or ()))]

    def ours(words: str) -> list[tuple[str, str]]:
        in_code = ("code_inline", "fence", "inline")
        return [(kind, "" if kind in in_code else content) for kind, content in parts(words)]

    assert ours(text) == ours("plain")
    assert "plain" in {content for kind, content in parts("plain") if kind == "code_inline"}
