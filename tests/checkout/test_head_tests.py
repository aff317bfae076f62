"""The head's tests on the base's code."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_perfbudget.checkout.head_tests import lay_tests_over


def write(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        path = folder / name.replace("__", "/").replace("_py", ".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return folder


def texts(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): path.read_text("utf-8")
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "root"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "place"


@pytest.mark.parametrize(
    ("folder", "testpaths"), [("tests", []), ("test", []), ("perf", []), ("bench", []), ("checks", ["checks"])]
)
def test_a_folder_of_tests_is_taken_as_a_whole(root: Path, place: Path, folder: str, testpaths: list[str]) -> None:
    write(root, shop_py="head", conftest_py="head")
    write(root / folder, a__test_a_py="head", helpers_py="head")
    write(place, shop_py="base")
    write(place / folder, a__test_a_py="base", test_gone_py="base")
    lay_tests_over(root, place, [f"{folder}/a/test_a.py"], testpaths)
    assert texts(place) == {
        "shop.py": "base",
        "conftest.py": "head",
        f"{folder}/a/test_a.py": "head",
        f"{folder}/helpers.py": "head",
    }


@pytest.mark.parametrize("test", ["benchmarks/test_a.py", "shop/test_a.py"])
def test_another_folder_of_tests_belongs_to_them_because_its_helpers_may_be_imported(
    root: Path, place: Path, test: str
) -> None:
    for folder, side in ((root, "head"), (place, "base")):
        write(folder, **{test: side, "benchmark/code.py": side}, tests__common_py=side)
        (folder / "benchmark" / "__init__.py").touch()
    lay_tests_over(root, place, [test], [])
    code = {"benchmark/code.py": "base", "benchmark/__init__.py": ""}
    assert texts(place) == {test: "head", "tests/common.py": "head", **code}


def test_of_a_package_called_perf_only_tests_are_taken(root: Path, place: Path) -> None:
    """The package may be the code under test."""
    write(root, perf__test_a_py="head", perf__helpers_py="head")
    (root / "perf" / "__init__.py").touch()
    write(place, perf__helpers_py="base")
    lay_tests_over(root, place, ["perf/test_a.py"], [])
    assert texts(place) == {"perf/test_a.py": "head", "perf/helpers.py": "base"}


def test_beside_the_code_only_tests_and_their_conftests_are_taken(root: Path, place: Path) -> None:
    """Else head would be timed against head."""
    write(root, shop__cart_py="head", shop__test_cart_py="head", shop__conftest_py="head", shop__test_other_py="head")
    write(place, shop__cart_py="base", shop__test_other_py="base")
    lay_tests_over(root, place, ["shop/test_cart.py"], [])
    assert texts(place) == {
        "shop/cart.py": "base",
        "shop/conftest.py": "head",
        "shop/test_cart.py": "head",
        "shop/test_other.py": "base",
    }


@pytest.mark.parametrize("named", ["shop", "src"])
def test_a_package_is_never_taken_for_its_tests(root: Path, place: Path, named: str) -> None:
    file = "shop/tests/test_cart.py" if named == "shop" else "src/shop/tests/test_cart.py"
    package = Path(file).parent.parent
    for folder, text in ((root, "head"), (place, "base")):
        write(folder / package, cart_py=text, tests__test_cart_py=text)
        (folder / package / "__init__.py").touch()
    lay_tests_over(root, place, [file], [named])
    assert (place / package / "cart.py").read_text("utf-8") == "base"
    assert (place / file).read_text("utf-8") == "head"


def test_the_root_folder_is_never_taken_as_a_whole(root: Path, place: Path) -> None:
    write(root, shop_py="head", test_shop_py="head")
    write(place, shop_py="base")
    lay_tests_over(root, place, ["test_shop.py"], ["."])
    assert texts(place) == {"shop.py": "base", "test_shop.py": "head"}
