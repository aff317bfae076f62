"""Parts of the project that have to be built before they can be imported."""

from __future__ import annotations

import pytest
from programs import AGAINST, TESTS
from repositories import commit
from scripting import Project, times

BUILD = "import os\nopen('_fast.py', 'w').write('STEP = 1')\nopen(os.environ['RUNS'], 'a').write('run ')\n"


SETUP = '[tool.perfbudget.duet]\nsetup = "{python} build.py"\n'


@pytest.fixture
def built(repository: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.setenv("RUNS", str(repository.pytester.path.parent / "runs"))
    repository.file("_fast.py", "STEP = 1\n")
    shop = "from scripted import advance\nimport _fast\n\ndef work():\n    advance(_fast.STEP)\n"
    ignored = (repository.pytester.path / ".gitignore").read_text("utf-8") + "_fast.py\n.pytest_cache\n"
    commit(repository.pytester.path, {"shop.py": shop, "build.py": BUILD, ".gitignore": ignored})
    return repository


def test_without_them_the_base_cannot_be_measured(built: Project) -> None:
    built.run(TESTS, *AGAINST, "-k", "call", subprocess=True)
    assert times(built) == {"test_call step": "unmeasured"}


def test_a_command_builds_them_once_for_a_commit(built: Project) -> None:
    for _ in range(2):
        built.run(TESTS, *AGAINST, "-k", "call", pyproject=SETUP, subprocess=True)
        assert times(built) == {"test_call step": "unchanged"}
    assert (built.pytester.path.parent / "runs").read_text("utf-8") == "run "


def test_one_that_fails_is_a_usage_error(built: Project) -> None:
    setup = SETUP.replace("build.py", "absent.py")
    result = built.run(TESTS, *AGAINST, pyproject=setup, subprocess=True)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: setup of *absent.py*) ended with 2: *No such file*"])
