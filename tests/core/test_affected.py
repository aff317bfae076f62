"""The test files that a change affects."""

from __future__ import annotations

from pytest_perfbudget.core.affected import affected_files, imported, module_names

TEXTS = {
    "tests/test_shop.py": "from shop import work\n",
    "tests/test_users.py": "import users.store\n",
    "tests/test_other.py": "def test(: broken",
}


def test_a_changed_module_affects_those_that_import_it() -> None:
    assert affected_files(["src/shop/work.py"], TEXTS, {}) == {"tests/test_shop.py"}
    assert affected_files(["users/store.py", "tests/test_other.py"], TEXTS, {}) == {
        "tests/test_users.py",
        "tests/test_other.py",
    }
    assert affected_files(["data.json", "README.md"], TEXTS, {}) == set()


def test_a_profile_of_the_baseline_knows_better_than_the_imports() -> None:
    profiles = {"tests/test_users.py": ["shop.work:total", "users.store:get"], "tests/test_shop.py": ["json:loads"]}
    assert affected_files(["src/shop/work.py"], TEXTS, profiles) == {"tests/test_users.py"}


def test_names_of_modules() -> None:
    assert module_names("src/shop/__init__.py") == {"src.shop", "shop"}
    assert module_names("shop/data.json") == set()
    assert imported("import a.b, c\nfrom d import e\nfrom . import f\n") == {"a.b", "c", "d", "d.e"}
