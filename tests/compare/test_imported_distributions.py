"""The installed distributions that the loaded modules of a project import."""

from __future__ import annotations

import sys
from importlib.util import LazyLoader, module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest

from pytest_perfbudget.compare.versions import imported_distributions


def load(name: str, file: Path, monkeypatch: pytest.MonkeyPatch, *, is_lazy: bool = False) -> ModuleType:
    spec = spec_from_file_location(name, file)
    assert spec is not None
    assert spec.loader is not None
    if is_lazy:
        spec.loader = LazyLoader(spec.loader)
    module = module_from_spec(spec)
    monkeypatch.setitem(sys.modules, name, module)
    spec.loader.exec_module(module)
    return module


def test_they_are_those_of_modules_classes_and_functions_in_the_projects_own_modules(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "shop_of_test.py").write_text("import rich.console\nfrom filelock import FileLock\n", "utf-8")
    load("shop_of_test", tmp_path / "shop_of_test.py", monkeypatch)
    assert {"rich", "filelock"} <= imported_distributions(tmp_path)
    assert "scipy" not in imported_distributions(tmp_path)  # which is installed, and which other modules import
    assert imported_distributions(tmp_path / "elsewhere") == set()


def test_a_lazy_module_is_not_woken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "heavy_of_test.py").write_text("raise ImportError('needs a device')\n", "utf-8")
    (tmp_path / "user_of_test.py").write_text("import heavy_of_test\n", "utf-8")
    load("heavy_of_test", tmp_path / "heavy_of_test.py", monkeypatch, is_lazy=True)
    load("user_of_test", tmp_path / "user_of_test.py", monkeypatch)
    assert imported_distributions(tmp_path) == set()
