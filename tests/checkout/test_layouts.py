"""Whatever the project looks like and however it is installed: the base's process imports the base's code."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from programs import FASTER_MS, shop
from repositories import commit, git
from scripting import Project, times

import pytest_perfbudget
from pytest_perfbudget.checkout.environment import Environment, _make, _python

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
SETUPTOOLS = """
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"
[project]
name = "shop"
version = "1"
[tool.setuptools]
packages = ["{package}"]
package-dir = {{"{package}" = "{folder}"}}
"""
HOOK = SETUPTOOLS.format(package="shop", folder="lib/goods")
NAMESPACE = SETUPTOOLS.format(package="mall.shop", folder="lib/goods")
STRICT = SETUPTOOLS.format(package="shop", folder="lib/shop")
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
def test_the_base_runs_its_own_code_under_an_editable_installation(
    lean: Project, tmp_path: Path, layout: tuple[str, str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pyproject, file, module = layout
    files = {"pyproject.toml": pyproject}
    what = "--editable {tree}" if pyproject != STRICT else "--config-settings editable_mode=strict --editable {tree}"
    ended = run_installed(lean, tmp_path, monkeypatch, files=files, file=file, module=module, what=what)
    assert times(lean) == {"test_call work": "improved"}, ended.stdout + ended.stderr
    assert ended.returncode == 0


@pytest.mark.skipif(os.name == "nt", reason="links take a privilege there")
@pytest.mark.parametrize("slowed", [True, False])
def test_the_base_runs_its_own_code_under_a_search_path_through_a_link(
    lean: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, slowed: bool
) -> None:
    """Without following the link the head would be measured twice."""
    lean.file("lib/goods.py", shop())
    lean.file("test_it.py", asking_for("goods"))
    commit(lean.pytester.path, {".gitignore": IGNORED})
    (tmp_path / "link").symlink_to(lean.pytester.path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "link/lib"), prepend=os.pathsep)
    monkeypatch.syspath_prepend(tmp_path / "link/lib")
    if slowed:
        lean.file("lib/goods.py", shop(1.2))
    ended = lean.pytester.runpytest_subprocess("--perf-against=HEAD", "--perf-output=report.json")
    assert times(lean) == {"test_call work": "regressed" if slowed else "unchanged"}, ended.outlines


@pytest.mark.parametrize(("is_installed_again", "said"), [(False, "wrong_code"), (True, "improved")])
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
    assert ended.returncode == int(said == "wrong_code")
    if said == "wrong_code":
        assert "a fresh process of the head would not measure its own code: it imports 'shop' from " in ended.stdout


def test_a_generated_folder_of_the_search_path_is_noticed(lean: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Generated code, and editable installations by hard links: the base would find nothing, and all be green."""
    made = lean.pytester.path / "made"
    lean.file("made/goods.py", shop())
    lean.file("test_it.py", asking_for("goods"))
    commit(lean.pytester.path, {".gitignore": IGNORED + "made"})
    monkeypatch.setenv("PYTHONPATH", str(made), prepend=os.pathsep)
    result = lean.pytester.runpytest_subprocess("--perf-against=HEAD", "--perf-output=report.json")
    assert times(lean) == {"test_call work": "wrong_code"}
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [f"*wrong_code: {made}, which the head's modules come from, is made and not in the checkout*"]
    )


def test_a_folder_of_the_search_path_that_was_moved_is_not_in_the_base(
    lean: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = lean.pytester.path / "made"
    lean.file("old/goods.py", shop())
    lean.file("test_it.py", asking_for("goods"))
    commit(lean.pytester.path, {".gitignore": IGNORED})
    git(lean.pytester.path, "mv", "old", "made")
    monkeypatch.setenv("PYTHONPATH", str(made), prepend=os.pathsep)
    result = lean.pytester.runpytest_subprocess("--perf-against=HEAD", "--perf-output=report.json")
    assert times(lean) == {"test_call work": "unmeasured"}
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*unmeasured: the process of HEAD *No module named 'goods'"])


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


def test_an_installed_copy_of_unknown_origin_is_known_by_its_projects_name(
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
    """Compare a project that is installed in an environment of its own with its commit, after it became faster."""
    lean.file(file, shop())
    lean.file("test_it.py", asking_for(module))
    lean.file("pytest.ini", "[pytest]\n")
    top = lean.pytester.path
    commit(top, {".gitignore": IGNORED, **files})
    environment = Environment(tmp_path / "env", _python(tmp_path / "env"))
    install = "{python} -m pip install --quiet --no-build-isolation --no-deps "
    _make(environment, top, install + what)
    lean.file(file, shop(FASTER_MS))
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
    (root / "shop.py").write_text(shop(), "utf-8")
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


@pytest.mark.parametrize(("factor", "verdict"), [(1, "unchanged"), (FASTER_MS, "improved")])
def test_a_project_in_a_subfolder_of_the_repository_is_compared(nested: Project, factor: float, verdict: str) -> None:
    before = git(nested.pytester.path, "status", "--porcelain")
    (nested.pytester.path / "my services/shop/shop.py").write_text(shop(factor), "utf-8")
    run_nested(nested)
    assert times(nested) == {"test_call work": verdict}
    (nested.pytester.path / "my services/shop/shop.py").write_text(shop(), "utf-8")
    assert git(nested.pytester.path, "status", "--porcelain") == before


def test_a_shallow_clone_is_compared_with_the_commits_that_it_has(lean: Project, tmp_path: Path) -> None:
    for number in range(3):
        lean.file("test_it.py", asking_for("shop"))
        commit(lean.pytester.path, {".gitignore": IGNORED, "shop.py": shop(), "n.txt": str(number)})
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "-q", "--depth=2", lean.pytester.path.as_uri(), str(clone))
    (clone / "shop.py").write_text(shop(FASTER_MS), "utf-8")

    def against(ref: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "pytest", f"--perf-against={ref}"]
        return subprocess.run(command, cwd=clone, capture_output=True, text=True, check=False)

    assert "against HEAD~1 (" in (within := against("HEAD~1").stdout)
    assert "1 improved" in within
    beyond = against("HEAD~2")
    assert beyond.returncode == pytest.ExitCode.USAGE_ERROR
    assert "cloned without its history: fetch it (actions/checkout: fetch-depth: 0)" in beyond.stderr


def test_an_extension_that_is_built_in_the_working_tree_only_is_noticed(lean: Project) -> None:
    """The base would fall back to Python, and whatever the head's code does would look fast beside it."""
    import _bisect

    file = Path(getattr(_bisect, "__file__", None) or pytest.skip("this Python has no extension modules of its own"))
    code = shop(at_import="try:\n    from shop import _bisect\nexcept ImportError:\n    pass")
    lean.file("test_it.py", asking_for("shop"))
    commit(lean.pytester.path, {".gitignore": IGNORED + file.name, "shop/__init__.py": code})
    lean.run(asking_for("shop"), "--perf-against=HEAD", subprocess=True)
    assert times(lean) == {"test_call work": "unchanged"}
    shutil.copy(file, lean.pytester.path / "shop")
    result = lean.run(asking_for("shop"), "--perf-against=HEAD", subprocess=True)
    assert times(lean) == {"test_call work": "wrong_code"}
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["work: wrong_code: 'shop._bisect' is built in the working tree and not in the checkout*"]
    )
