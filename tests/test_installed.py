"""The distributions that a project uses, among those that are installed."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from functools import partial
from importlib import metadata
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from pytest_perfbudget import installed, paths
from pytest_perfbudget.installed import code_without_version, installed_versions, may_be_used, used_distributions
from pytest_perfbudget.sources import nodes_of

Install = Callable[..., Path]


@pytest.fixture
def modules(monkeypatch: pytest.MonkeyPatch) -> dict[str, ModuleType]:
    """The modules that were imported."""
    found: dict[str, ModuleType] = {}
    for one in (installed, paths):
        monkeypatch.setattr(one, "sys", SimpleNamespace(**{**vars(sys), "modules": found}))
    return found


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Return a function that installs a distribution; nothing else is installed."""
    folder = tmp_path / "lib" / "site-packages"
    monkeypatch.setattr(metadata, "distributions", partial(metadata.distributions, path=[str(folder)]))
    for known in (installed._known, installed._by_module):
        monkeypatch.setattr(installed, known.__name__, known.__wrapped__)  # each look finds what is installed by then

    def install(name: str, requires: Sequence[str] = (), *, modules: Sequence[str] = ()) -> Path:
        info = folder / f"{name}.dist-info"
        info.mkdir(parents=True)
        facts = [f"{key}: {value}" for key, value in zip(("Name", "Version"), name.split("-"), strict=True)]
        lines = [*facts, *(f"Requires-Dist: {one}" for one in requires), "", "Requires-Dist: no-header"]
        (info / "METADATA").write_text("\n".join(lines), "utf-8")
        names = modules or [name.partition("-")[0]]
        (info / "RECORD").write_text("".join(f"{one}/__init__.py,sha256=0,1\n" for one in names), "utf-8")
        return info

    return install


@pytest.fixture
def project(tmp_path: Path, install: Install, modules: dict[str, ModuleType]) -> Callable[[str], dict[str, str]]:
    """Return a function that returns what a project uses whose only module has a source."""
    del install  # nothing else is installed
    file = tmp_path / "project" / "work.py"
    file.parent.mkdir()

    def used_by(source: str) -> dict[str, str]:
        file.write_text(source, "utf-8")
        own = ModuleType("work")
        own.__file__ = str(file)
        modules["work"] = own
        nodes_of.cache_clear()  # the same file again
        return used_distributions(file.parent)

    return used_by


Project = Callable[[str], dict[str, str]]


@pytest.fixture
def load(modules: dict[str, ModuleType], tmp_path: Path) -> Callable[[str], None]:
    """Return a function that imports a package which is installed."""

    def load(name: str) -> None:
        modules[name] = ModuleType(name)
        modules[name].__file__ = str(tmp_path / "lib" / "site-packages" / name / "__init__.py")

    return load


Load = Callable[[str], None]


@pytest.mark.parametrize(
    "source",
    ["import numpy", "from numpy.linalg import norm", "import os, numpy as np", "def work():\n    import numpy.fft\n"],
)
def test_what_the_source_imports_is_used_and_what_is_only_installed_is_not(
    install: Install, project: Project, source: str
) -> None:
    install("numpy-1.26.4")
    install("ruff-0.4.1")
    assert project(source) == {"numpy": "1.26.4"}


def test_what_was_imported_is_used_also_if_no_source_names_it(install: Install, project: Project, load: Load) -> None:
    """A driver of a database is imported by the name that a setting has."""
    install("psycopg2_binary-2.9", modules=["psycopg2"])
    load("psycopg2")
    assert project("import os") == {"psycopg2-binary": "2.9"}


def test_what_pytest_and_its_plugins_need_is_not_used_unless_the_project_uses_the_same(
    install: Install, project: Project, load: Load
) -> None:
    install("pytest-8.2", ["pluggy"])
    for name in ("pluggy-1.5", "coverage-7.5", "numpy-1.26.4"):
        install(name)
    install("pytest_cov-5.0", ["coverage", "numpy>=1"])
    for name in ("pytest", "pluggy", "pytest_cov", "coverage", "numpy"):
        load(name)
    assert project("import pytest, pytest_cov") == {}
    install("pandas-2.2", ["numpy>=1.23", 'coverage>=6; extra == "test"', 'coverage; python_version < "3"', "no (["])
    assert project("import pytest, pandas") == {"numpy": "1.26.4", "pandas": "2.2"}


def test_a_plugin_that_is_more_than_a_plugin_is_used_where_the_project_uses_it(
    install: Install, project: Project, load: Load
) -> None:
    info = install("anyio-4.4", ["idna"])
    install("idna-3.7")
    (info / "entry_points.txt").write_text("[pytest11]\nanyio = anyio.pytest_plugin\n", "utf-8")
    load("anyio")
    assert project("import pytest") == {}
    assert project("import anyio") == {"anyio": "4.4", "idna": "3.7"}


def test_the_project_itself_is_left_out_and_its_requirements_are_not(install: Install, project: Project) -> None:
    """A service under load runs in a process of its own, so that its packages may not be imported here."""
    own = install("shop-0.1.dev7", ["Flask_Cors (>=4)"])
    (own / "direct_url.json").write_text("{}", "utf-8")
    install("flask_cors-4.0.1")
    assert project("import shop") == {"flask-cors": "4.0.1"}


def test_metadata_that_a_build_left_beside_the_sources_is_of_the_project(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = tmp_path / "project" / "shop.egg-info"
    info.mkdir()
    (info / "PKG-INFO").write_text("Name: shop\nVersion: 0.1.dev7\n", "utf-8")
    (info / "top_level.txt").write_text("shop\n", "utf-8")
    monkeypatch.setattr(metadata, "distributions", partial(metadata.distributions, path=[str(info.parent)]))
    assert project("import shop") == {}
    assert installed_versions(tmp_path / "project") == {}


def test_a_damaged_folder_of_metadata_is_no_distribution(install: Install, project: Project, tmp_path: Path) -> None:
    info = install("numpy-1.26.4")
    for file in info.iterdir():
        file.unlink()
    assert project("import numpy, other") == {}
    assert installed_versions(tmp_path) == {}


def test_the_text_of_an_import_is_no_import(install: Install, project: Project) -> None:
    install("numpy-1.26.4")
    assert project('def work():\n    """\n    import numpy\n    """\n') == {}


def test_all_have_versions_but_what_is_of_the_projects_own_repository(install: Install, tmp_path: Path) -> None:
    """The project may have a new version at each commit."""
    repository = tmp_path / "repository"
    (repository / ".git").mkdir(parents=True)
    (repository / "shop").mkdir()
    own, other = (repository / "shop").as_uri(), (tmp_path / "kit").as_uri()
    origins: dict[str, dict[str, Any]] = {
        "shop-0.1.dev7": {"url": own, "dir_info": {}},
        "tools-0.3": {"url": (repository / "tools").as_uri(), "dir_info": {"editable": True}},
        "kit-1.1": {"url": other, "dir_info": {}},
        "till-0.2": {"url": "https://example.org/till.git", "vcs_info": {"vcs": "git", "commit_id": "3f2a91c5d0e1"}},
        "yarn-2.0": {"url": other, "archive_info": {}},
    }
    for name, origin in origins.items():
        (install(name) / "direct_url.json").write_text(json.dumps(origin), "utf-8")
    install("Flask_Cors-4.0.1")
    versions = {"flask-cors": "4.0.1", "kit": "1.1", "till": "0.2 (commit 3f2a91c5d)", "yarn": "2.0"}
    assert installed_versions(repository / "shop") == versions


class TestCodeWithoutVersion:
    """Code outside of the repository that can change without a new version."""

    @pytest.fixture(autouse=True)
    def shop(self, project: Project, tmp_path: Path) -> Path:
        """Return the folder of a project that imports a package."""
        project("import till")
        return tmp_path / "project"

    def test_installed_packages_and_the_standard_library_have_versions(
        self, install: Install, load: Load, modules: dict[str, ModuleType], shop: Path
    ) -> None:
        install("till-2.0")
        load("till")
        modules["json"] = json
        modules["pytest_perfbudget"] = sys.modules["pytest_perfbudget"]
        modules["strange"] = ModuleType("strange")  # without a file
        assert code_without_version(shop, shop) == ""

    def test_a_module_on_the_search_path_has_none(
        self, modules: dict[str, ModuleType], tmp_path: Path, shop: Path
    ) -> None:
        modules["till"] = ModuleType("till")
        modules["till"].__file__ = str(tmp_path / "beside" / "till.py")
        assert code_without_version(shop, shop) == str(tmp_path / "beside" / "till.py")
        assert code_without_version(shop, tmp_path) == ""  # another project of the same repository

    def test_a_link_out_of_the_repository_leads_elsewhere(
        self, modules: dict[str, ModuleType], tmp_path: Path, shop: Path
    ) -> None:
        (tmp_path / "shared").mkdir()
        (tmp_path / "shared" / "till.py").touch()
        (shop / "lib").symlink_to(tmp_path / "shared")
        modules["till"] = ModuleType("till")
        modules["till"].__file__ = str(shop / "lib" / "till.py")
        assert code_without_version(shop, shop) == str(shop / "lib" / "till.py")

    def test_the_folder_of_an_environment_is_not_all_of_python(
        self, modules: dict[str, ModuleType], shop: Path
    ) -> None:
        modules["till"] = ModuleType("till")
        modules["till"].__file__ = str(Path(sys.prefix, "src", "till.py"))
        assert code_without_version(shop, shop) == modules["till"].__file__

    def test_the_script_that_was_started_is_not_of_the_project(
        self, modules: dict[str, ModuleType], tmp_path: Path, shop: Path
    ) -> None:
        modules["__main__"] = ModuleType("__main__")
        modules["__main__"].__file__ = str(tmp_path / "ide" / "runner.py")
        assert code_without_version(shop, shop) == ""

    @pytest.mark.parametrize("origin", ["dir_info", "vcs_info"])
    def test_a_distribution_of_another_folder_or_repository_has_none(
        self, install: Install, tmp_path: Path, shop: Path, origin: str
    ) -> None:
        url = {"dir_info": (tmp_path / "beside").as_uri(), "vcs_info": "https://example.org/till.git"}[origin]
        (install("till-2.0") / "direct_url.json").write_text(json.dumps({"url": url, origin: {}}), "utf-8")
        assert code_without_version(shop, shop) == "till"
        (install("other-2.0") / "direct_url.json").write_text(json.dumps({"url": url, origin: {}}), "utf-8")
        assert code_without_version(shop, shop) == "till"  # nothing uses the other

    def test_the_project_itself_is_of_the_repository(self, install: Install, shop: Path) -> None:
        origin = {"url": shop.as_uri(), "dir_info": {"editable": True}}
        (install("till-2.0") / "direct_url.json").write_text(json.dumps(origin), "utf-8")
        assert code_without_version(shop, shop) == ""

    def test_an_origin_that_cannot_be_understood_may_be_anywhere(self, install: Install, shop: Path) -> None:
        (install("till-2.0") / "direct_url.json").write_text("{}", "utf-8")
        assert code_without_version(shop, shop) == "till"


def test_what_may_be_used_was_imported_or_is_named_by_the_project(
    install: Install, project: Project, load: Load, tmp_path: Path
) -> None:
    project("def work():\n    import numpy  # not yet")
    for name in ("numpy-1.26.4", "ruff-0.4.1", "pandas-2.2", "pytest-8.2", "pytest_cov-5.0"):
        install(name)
    install("pytest_benchmark-5.0", ["py_cpuinfo"])
    install("py_cpuinfo-9.0", modules=["cpuinfo"])
    for name in ("pandas", "pytest", "pytest_cov", "cpuinfo"):
        load(name)
    asked = ["numpy", "ruff", "pandas", "pytest", "pytest-cov", "py-cpuinfo", "gone"]
    assert may_be_used(tmp_path / "project", asked) == ["numpy", "pandas"]
    project("from gone import away")
    assert may_be_used(tmp_path / "project", asked) == ["gone", "pandas"]
