"""Whatever the project looks like and however it is installed: the base's process imports the base's code."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from repositories import commit, git
from scripting import Project, times

import pytest_perfbudget
from pytest_perfbudget.checkout.environment import Environment, _make, _python

CODE = "from scripted import advance\n\ndef work():\n    advance({})\n"
HATCHLING = """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"
[project]
name = "shop"
version = "1"
[tool.hatch.build.targets.wheel]
packages = ["src/shop"]
"""
HOOK = """
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"
[project]
name = "shop"
version = "1"
[tool.setuptools]
packages = ["shop"]
package-dir = {shop = "lib/goods"}
"""
NAMESPACE = """
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"
[project]
name = "shop"
version = "1"
[tool.setuptools]
packages = ["mall.shop"]
package-dir = {"mall.shop" = "lib/goods"}
"""
STRICT = HOOK.replace("goods", "shop")
IGNORED = "report.json\n__pycache__\nrunpytest-*\nstdout\nstderr\n*.egg-info\nbuild\n.pytest_cache\nenv\n"


def asking_for(module: str) -> str:
    return f"from {module} import work\n\ndef test_call(perf):\n    perf(work)\n"


@pytest.mark.parametrize(
    "layout",
    [
        (HATCHLING, "src/shop/__init__.py", "shop"),
        (HOOK, "lib/goods/__init__.py", "shop"),
        (NAMESPACE, "lib/goods/__init__.py", "mall.shop"),
        (STRICT, "lib/shop/__init__.py", "shop"),
    ],
    ids=["src, a path", "mapped, an import hook", "a namespace package, an import hook", "strict, a folder of links"],
)
def test_an_editable_installation_of_the_head(
    lean: Project, tmp_path: Path, layout: tuple[str, str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pyproject, file, module = layout
    files = {"pyproject.toml": pyproject}
    what = "--editable {tree}" if pyproject != STRICT else "--config-settings editable_mode=strict --editable {tree}"
    ended = run_installed(lean, tmp_path, monkeypatch, files=files, file=file, module=module, what=what)
    assert times(lean) == {"test_call work": "regressed"}, ended.stdout + ended.stderr
    assert " % slower than HEAD" in ended.stdout


@pytest.mark.skipif(os.name == "nt", reason="links take a privilege there")
@pytest.mark.parametrize("slowed", [True, False])
def test_a_search_path_that_leads_to_the_head_by_a_link(
    lean: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, slowed: bool
) -> None:
    """No layout that could be guessed at: without following the link the head would be measured twice."""
    lean.file("lib/goods.py", CODE.format(1))
    lean.file("test_it.py", "import pytest\nfrom scripted import advance\n" + asking_for("goods"))
    commit(lean.pytester.path, {".gitignore": IGNORED})
    (tmp_path / "link").symlink_to(lean.pytester.path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "link/lib"), prepend=os.pathsep)
    monkeypatch.syspath_prepend(tmp_path / "link/lib")
    if slowed:
        lean.file("lib/goods.py", CODE.format(1.2))
    ended = lean.pytester.runpytest_subprocess("--perf-against=HEAD", "--perf-output=report.json")
    assert times(lean) == {"test_call work": "regressed" if slowed else "unchanged"}, ended.outlines


@pytest.mark.parametrize(("is_installed_again", "said"), [(False, "wrong_code"), (True, "regressed")])
def test_a_head_that_is_an_installed_copy_is_measured_if_it_is_up_to_date(
    lean: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_installed_again: bool, said: str
) -> None:
    """And the base is installed by `setup`: else what was changed since would look unchanged."""
    install = "{python} -m pip install --quiet --no-build-isolation --no-deps"
    setup = f'[tool.perfbudget.duet]\nsetup = "{install} --no-index {{tree}}"\n'
    files = {"pyproject.toml": HATCHLING + setup}
    file = "src/shop/__init__.py"
    again = "{tree}" if is_installed_again else ""
    ended = run_installed(
        lean, tmp_path, monkeypatch, files=files, file=file, module="shop", what="{tree}", again=again
    )
    assert times(lean) == {"test_call work": said}, ended.stdout + ended.stderr
    assert ended.returncode == 1
    if said == "wrong_code":
        assert "a fresh process of the head would not measure its own code: it imports 'shop' from " in ended.stdout


def test_a_folder_of_the_search_path_that_is_made_and_not_in_the_repository(
    lean: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Generated code, and editable installations by hard links: the base would find nothing, and all be green."""
    made = lean.pytester.path / "made"
    lean.file("made/goods.py", CODE.format(1))
    lean.file("test_it.py", "import pytest\nfrom scripted import advance\n" + asking_for("goods"))
    commit(lean.pytester.path, {".gitignore": IGNORED + "made"})
    monkeypatch.setenv("PYTHONPATH", str(made), prepend=os.pathsep)
    result = lean.pytester.runpytest_subprocess("--perf-against=HEAD", "--perf-output=report.json")
    assert times(lean) == {"test_call work": "wrong_code"}
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [f"*wrong_code: {made}, which the head's modules come from, is made and not in the checkout*"]
    )


def test_one_that_was_moved_is_not_yet_there_in_the_base(lean: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    made = lean.pytester.path / "made"
    lean.file("old/goods.py", CODE.format(1))
    lean.file("test_it.py", "import pytest\nfrom scripted import advance\n" + asking_for("goods"))
    commit(lean.pytester.path, {".gitignore": IGNORED})
    git(lean.pytester.path, "mv", "old", "made")
    monkeypatch.setenv("PYTHONPATH", str(made), prepend=os.pathsep)
    result = lean.pytester.runpytest_subprocess("--perf-against=HEAD", "--perf-output=report.json")
    assert times(lean) == {"test_call work": "unmeasured"}
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["unmeasured: *: the process of HEAD *No module named 'goods'"])


def test_an_installed_copy_is_noticed_wherever_its_source_is(
    lean: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a repository of several packages: the base would measure the head's code."""
    files = {"packages/goods/pyproject.toml": HATCHLING}
    file = "packages/goods/src/shop/__init__.py"
    what = "{tree}/packages/goods"
    ended = run_installed(lean, tmp_path, monkeypatch, files=files, file=file, module="shop", what=what, again=what)
    assert times(lean) == {"test_call work": "wrong_code"}, ended.stdout + ended.stderr
    assert ended.returncode == 1
    assert (
        "a copy that was installed from the working tree: install it editable from here (pip install -e), or"
        in ended.stdout
    )


def test_one_that_does_not_tell_where_it_is_from_is_known_by_the_name_of_the_project(
    lean: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As from a folder of wheels; its modules have other places in the repository."""
    ended = run_installed(
        lean,
        tmp_path,
        monkeypatch,
        files={"pyproject.toml": NAMESPACE},
        file="lib/goods/__init__.py",
        module="mall.shop",
        what="{tree}",
        again="{tree}",
        tells=False,
    )
    assert times(lean) == {"test_call work": "wrong_code"}, ended.stdout + ended.stderr
    assert ended.returncode == 1


def run_installed(
    lean: Project,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    files: dict[str, str],
    file: str,
    module: str,
    what: str,
    again: str = "",
    tells: bool = True,
) -> subprocess.CompletedProcess[str]:
    """Compare a project that is installed in an environment of its own with its commit, after it became slower."""
    lean.file(file, CODE.format(1))
    lean.file("test_it.py", "import pytest\nfrom scripted import advance\n" + asking_for(module))
    lean.file("pytest.ini", "[pytest]\n")
    top = lean.pytester.path
    commit(top, {".gitignore": IGNORED, **files})
    environment = Environment(tmp_path / "env", _python(tmp_path / "env"))
    install = "{python} -m pip install --quiet --no-build-isolation --no-deps "
    _make(environment, top, install + what)
    lean.file(file, CODE.format(1.2))
    if again:
        _make(environment, top, install + again)
    for origin in [] if tells else environment.folder.rglob("direct_url.json"):
        origin.unlink()
    # What the tests need of this suite, and the plugin itself, which may be an editable installation, too.
    helpers = tmp_path / "helpers"
    helpers.mkdir()
    (helpers / "scripted.py").write_text((top / "scripted.py").read_text("utf-8"), "utf-8")
    own = Path(pytest_perfbudget.__file__).parent.parent
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(helpers), str(own)]))
    return subprocess.run(
        [environment.python, "-m", "pytest", "--perf-against=HEAD", "--perf-output=report.json", "test_it.py"],
        cwd=top,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def nested(lean: Project) -> Project:
    """A project in a subfolder of the repository, with spaces in its path, and a dirty index."""
    root = lean.pytester.path / "my services" / "shop"
    root.mkdir(parents=True)
    for name in ("scripted.py", "conftest.py", "pytest.ini"):
        (lean.pytester.path / name).rename(root / name)
    (root / "shop.py").write_text(CODE.format(1), "utf-8")
    (root / "test_it.py").write_text(asking_for("shop"), "utf-8")
    commit(lean.pytester.path, {".gitignore": IGNORED, "other.txt": "1"})
    (lean.pytester.path / "other.txt").write_text("2", "utf-8")
    git(lean.pytester.path, "add", "other.txt")
    (lean.pytester.path / "other.txt").write_text("3", "utf-8")
    return lean


def run_nested(project: Project) -> pytest.RunResult:
    root = project.pytester.path / "my services" / "shop"
    where = ("-c", str(root / "pytest.ini"), "--rootdir", str(root), str(root))
    output = f"--perf-output={project.pytester.path / 'report.json'}"
    return project.pytester.runpytest_subprocess("--perf-against=HEAD", output, *where)


@pytest.mark.parametrize(("factor", "verdict"), [(1, "unchanged"), (1.2, "regressed")])
def test_a_project_in_a_subfolder(nested: Project, factor: float, verdict: str) -> None:
    before = git(nested.pytester.path, "status", "--porcelain")
    (nested.pytester.path / "my services/shop/shop.py").write_text(CODE.format(factor), "utf-8")
    run_nested(nested)
    assert times(nested) == {"test_call work": verdict}
    (nested.pytester.path / "my services/shop/shop.py").write_text(CODE.format(1), "utf-8")
    assert git(nested.pytester.path, "status", "--porcelain") == before


def test_a_shallow_clone_that_has_the_base(lean: Project, tmp_path: Path) -> None:
    for number in range(3):
        lean.file("test_it.py", asking_for("shop"))
        commit(lean.pytester.path, {".gitignore": IGNORED, "shop.py": CODE.format(1), "n.txt": str(number)})
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "-q", "--depth=2", lean.pytester.path.as_uri(), str(clone))
    (clone / "shop.py").write_text(CODE.format(1.2), "utf-8")

    def against(ref: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "pytest", f"--perf-against={ref}"]
        return subprocess.run(command, cwd=clone, capture_output=True, text=True, check=False)

    assert " % slower than HEAD~1" in against("HEAD~1").stdout
    beyond = against("HEAD~2")
    assert beyond.returncode == pytest.ExitCode.USAGE_ERROR
    assert "cloned without its history: fetch it (actions/checkout: fetch-depth: 0)" in beyond.stderr


def test_an_extension_that_is_built_in_the_working_tree_only_is_noticed(lean: Project) -> None:
    """The base would fall back to Python, and whatever the head's code does would look fast beside it."""
    import _bisect

    file = Path(getattr(_bisect, "__file__", None) or pytest.skip("this Python has no extension modules of its own"))
    code = CODE.format(1) + "\ntry:\n    from shop import _bisect\nexcept ImportError:\n    pass\n"
    lean.file("test_it.py", asking_for("shop"))
    commit(lean.pytester.path, {".gitignore": IGNORED + file.name, "shop/__init__.py": code})
    lean.run(asking_for("shop"), "--perf-against=HEAD", subprocess=True)
    assert times(lean) == {"test_call work": "unchanged"}
    shutil.copy(file, lean.pytester.path / "shop")
    result = lean.run(asking_for("shop"), "--perf-against=HEAD", subprocess=True)
    assert times(lean) == {"test_call work": "wrong_code"}
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["wrong_code: *: 'shop._bisect' is built in the working tree and not in the checkout*"])
