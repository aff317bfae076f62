"""The distributions that a project uses, among those that are installed."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType

import pytest

from pytest_perfbudget.history.used_distributions import used_distributions

Install = Callable[..., Path]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Return a function that installs a distribution; nothing else is installed or imported."""
    folder = tmp_path / "lib" / "site-packages"
    monkeypatch.setattr("sys.path", [str(folder)])
    monkeypatch.setattr("sys.modules", {})

    def install(name: str, requires: Sequence[str] = (), *, modules: Sequence[str] = ()) -> Path:
        info = folder / f"{name}.dist-info"
        info.mkdir(parents=True)
        lines = [f"Requires-Dist: {one}" for one in requires]
        (info / "METADATA").write_text("\n".join(["Name: it", *lines, "", "Requires-Dist: no-header"]), "utf-8")
        names = modules or [name.partition("-")[0]]
        (info / "RECORD").write_text("".join(f"{one}/__init__.py,sha256=0,1\n" for one in names), "utf-8")
        return info

    return install


@pytest.fixture
def project(tmp_path: Path, install: Install) -> Callable[[str], dict[str, str]]:
    """Return a function that returns what a project uses whose only module has a source."""
    del install  # nothing else is installed
    file = tmp_path / "project" / "work.py"
    file.parent.mkdir()

    def used_by(source: str) -> dict[str, str]:
        file.write_text(source, "utf-8")
        own = ModuleType("work")
        own.__file__ = str(file)
        sys.modules["work"] = own
        return used_distributions(file.parent)

    return used_by


Project = Callable[[str], dict[str, str]]


def load(folder: Path, name: str) -> None:
    module = ModuleType(name)
    module.__file__ = str(folder / name / "__init__.py")
    sys.modules[name] = module


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


def test_what_was_imported_is_used_also_if_no_source_names_it(install: Install, project: Project) -> None:
    """A driver of a database is imported by the name that a setting has."""
    folder = install("psycopg2_binary-2.9", modules=["psycopg2"]).parent
    load(folder, "psycopg2")
    assert project("import os") == {"psycopg2-binary": "2.9"}


def test_what_pytest_and_its_plugins_need_is_not_used_unless_the_project_uses_the_same(
    install: Install, project: Project
) -> None:
    folder = install("pytest-8.2", ["pluggy"]).parent
    for name in ("pluggy-1.5", "coverage-7.5", "numpy-1.26.4"):
        install(name)
    install("pytest_cov-5.0", ["coverage", "numpy>=1"])
    for name in ("pytest", "pluggy", "pytest_cov", "coverage", "numpy"):
        load(folder, name)
    assert project("import pytest, pytest_cov") == {}
    install("pandas-2.2", ["numpy>=1.23", 'coverage>=6; extra == "test"'])
    assert project("import pytest, pandas") == {"numpy": "1.26.4", "pandas": "2.2"}


def test_a_plugin_that_is_more_than_a_plugin_is_used_where_the_project_uses_it(
    install: Install, project: Project
) -> None:
    info = install("anyio-4.4", ["idna"])
    install("idna-3.7")
    (info / "entry_points.txt").write_text("[pytest11]\nanyio = anyio.pytest_plugin\n", "utf-8")
    load(info.parent, "anyio")
    assert project("import pytest") == {}
    assert project("import anyio") == {"anyio": "4.4", "idna": "3.7"}


def test_the_project_itself_is_left_out_and_its_requirements_are_not(install: Install, project: Project) -> None:
    """A service under load runs in a process of its own, so that its packages may not be imported here."""
    own = install("shop-0.1.dev7", ["Flask_Cors (>=4)"])
    (own / "direct_url.json").write_text("{}", "utf-8")
    install("flask_cors-4.0.1")
    assert project("import shop") == {"flask-cors": "4.0.1"}


def test_a_damaged_folder_of_metadata_is_one_without_requirements(install: Install, project: Project) -> None:
    info = install("numpy-1.26.4")
    for file in info.iterdir():
        file.unlink()
    assert project("import numpy, other") == {"numpy": "1.26.4"}
