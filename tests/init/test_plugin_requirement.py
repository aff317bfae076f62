"""The requirement by which a workflow installs the plugin, from what pip writes about the plugin's origin."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from repositories import git

from pytest_perfbudget.cli import main
from pytest_perfbudget.errors import InitError
from pytest_perfbudget.init import command
from pytest_perfbudget.init.plugin_requirement import check_requirement, requirement_of, with_report

GIT = {"vcs": "git", "commit_id": "7921be1537eac1e97bc40179a57f0349c2aee67d", "requested_revision": "main"}
WHEEL = "https://example.org/pytest_perfbudget-0.1.0-py3-none-any.whl"


@pytest.mark.parametrize(
    ("direct_url", "requirement"),
    [
        (None, "==0.1.0"),
        (
            {"url": "https://example.org/a/perf.git", "vcs_info": GIT},
            " @ git+https://example.org/a/perf.git@7921be1537eac1e97bc40179a57f0349c2aee67d",
        ),
        (
            {"url": "ssh://git@example.org/a/tools", "vcs_info": GIT, "subdirectory": "perf"},
            " @ git+ssh://git@example.org/a/tools@7921be1537eac1e97bc40179a57f0349c2aee67d#subdirectory=perf",
        ),
        ({"url": WHEEL, "archive_info": {"hashes": {"sha256": "2dc6"}}}, f" @ {WHEEL}#sha256=2dc6"),
        ({"url": WHEEL, "archive_info": {}}, f" @ {WHEEL}"),
    ],
    ids=["index", "git", "subdirectory", "archive", "archive without a hash"],
)
def test_the_place_of_the_installed_plugin_is_kept(direct_url: dict[str, object] | None, requirement: str) -> None:
    text = None if direct_url is None else json.dumps(direct_url)
    assert requirement_of("0.1.0", text) == f"pytest-perfbudget[html]{requirement}"


@pytest.mark.parametrize(
    "direct_url",
    [
        {"url": "file:///home/me/perf", "dir_info": {"editable": True}},
        {"url": "file:///home/me/perf", "dir_info": {}},
        {"url": "file:///home/me/perf-0.1.0.tar.gz", "archive_info": {"hash": "sha256=2dc6"}},
        {"url": "file:///home/me/perf", "vcs_info": GIT},
    ],
    ids=["editable", "folder", "archive", "clone"],
)
def test_a_place_on_this_machine_is_refused(direct_url: dict[str, object]) -> None:
    with pytest.raises(InitError, match=r"is installed from file:///home/me/perf\S*, which a runner cannot install: "):
        requirement_of("0.1.0", json.dumps(direct_url))


class TestCommand:
    """`perfbudget init` in the environment of these tests, whose plugin a runner cannot install."""

    @pytest.fixture
    def root(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        def refuse() -> str:
            return requirement_of("0.1.0", json.dumps({"url": "file:///perf", "dir_info": {"editable": True}}))

        monkeypatch.setattr(command, "plugin_requirement", refuse)
        monkeypatch.chdir(tmp_path)
        return tmp_path

    @pytest.mark.parametrize("option", ["--github", "--gitlab"])
    def test_a_workflow_that_could_not_install_the_plugin_is_not_written(
        self, root: Path, option: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main(["init", option]) == 2
        assert capsys.readouterr().err == (
            "perfbudget: pytest-perfbudget is installed from file:///perf, which a runner cannot install: add "
            "pytest-perfbudget to the requirements of the tests, or say where it comes from, such as "
            '--plugin "git+https://HOST/OWNER/pytest-perfbudget@COMMIT"\n'
        )
        assert list(root.iterdir()) == []

    def test_a_given_requirement_is_installed(self, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["init", "--github", "--plugin", "git+https://example.org/perf@1234"]) == 0
        written = (root / ".github/workflows/performance.yml").read_text("utf-8")
        command = "pip install pytest 'pytest-perfbudget[html] @ git+https://example.org/perf@1234'"
        assert f'- run: "{command}"\n' in written
        assert f"the workflow runs {command}\n" in capsys.readouterr().out

    @pytest.mark.parametrize(
        ("requirements", "arguments"),
        [("pytest-perfbudget\n", ("--github", "--gitlab")), ("", ("--github", "--action", "a/b@1")), ("", ())],
        ids=["declared", "action", "no workflow"],
    )
    def test_where_the_plugin_comes_otherwise_its_place_does_not_matter(
        self, root: Path, requirements: str, arguments: tuple[str, ...]
    ) -> None:
        (root / "requirements.txt").write_text(requirements, "utf-8")
        assert main(["init", *arguments]) == 0


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ("git+https://example.org/perf@1234", "pytest-perfbudget[html] @ git+https://example.org/perf@1234"),
        ("https://example.org/perf-1.whl", "pytest-perfbudget[html] @ https://example.org/perf-1.whl"),
        ("./vendor/perf", "./vendor/perf[html]"),
        ("./vendor/perf[load]", "./vendor/perf[load]"),
        ("pytest-perfbudget==1", "pytest-perfbudget==1"),
        ("pytest-perfbudget @ git+https://example.org/perf", "pytest-perfbudget @ git+https://example.org/perf"),
    ],
)
def test_a_place_that_the_user_names_brings_the_html_report_of_the_job(given: str, wanted: str) -> None:
    assert with_report(given) == wanted
    check_requirement(wanted)


@pytest.mark.parametrize("given", ["/srv/perf", "file:///srv/perf", "pytest-perfbudget @ file:///srv/perf"])
@pytest.mark.parametrize("workflow", ["--github", "--gitlab"])
def test_a_place_on_this_machine_is_refused_because_no_runner_has_it(
    given: str, workflow: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["init", workflow, "--plugin", given]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"perfbudget: --plugin: {given} is a place on this machine, which a runner cannot install: ")
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_pip_installs_the_plugin_from_the_requirement_of_an_installed_plugin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The requirement names the place and the commit from which pip has installed, so it gives the same again."""
    project = Path(__file__).parent.parent.parent
    git(tmp_path, "clone", "-q", str(project), "perf")
    # git fetches the named place from the clone.
    for name, value in {
        "COUNT": "1",
        "KEY_0": f"url.{tmp_path}/perf.insteadOf",
        "VALUE_0": "https://example.org/perf",
    }.items():
        monkeypatch.setenv(f"GIT_CONFIG_{name}", value)
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-build-isolation", "--no-index"]
    wanted = "git+https://example.org/perf"
    found = []
    for name in ("first", "second"):
        subprocess.run([*pip, "--target", str(tmp_path / name), wanted], check=True, capture_output=True)
        (text,) = (tmp_path / name).glob("*.dist-info/direct_url.json")
        wanted = requirement_of("0.1.0", text.read_text("utf-8"))
        found.append(wanted)
    assert found == [f"pytest-perfbudget[html] @ git+https://example.org/perf@{git(project, 'rev-parse', 'HEAD')}"] * 2
