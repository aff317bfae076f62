"""Which changed files can change the time of a test."""

from __future__ import annotations

import pytest

from pytest_perfbudget.core.changed_files import may_run, names_in_code, names_in_tests, that_may_run


@pytest.mark.parametrize(
    "path",
    [
        "README.md", "readme.RST", "LICENSE", "CHANGELOG.txt", "CONTRIBUTING.md", "logo.svg", ".gitignore",
        "docs/index.rst", "docs/pictures/a.PNG", "doc/guide.md", ".github/workflows/ci.yml", ".github/assets/a.svg",
        ".github/ISSUE_TEMPLATE/bug.yml", ".github/dependabot.yml", ".github/CODEOWNERS", ".github/CONTRIBUTING.md",
    ],
)  # fmt: skip
def test_documentation_pictures_and_workflows_cannot(path: str) -> None:
    assert not may_run(path)


@pytest.mark.parametrize(
    "path",
    [
        "shop.py", "src/shop/prices.pyx", "tests/test_shop.py", "conftest.py", "pyproject.toml", "uv.lock", "Makefile",
        "requirements.txt", "notes.txt", ".gitattributes", ".gitmodules", "vendor", "data/words.json",
        # Text and pictures that a test, or the code, may read:
        "tests/data/page.md", "shop/templates/mail.rst", "shop/logo.png", "assets/logo.png", "pages/README.md",
        "docs/conf.py", "docs/example.json", "docs/requirements.txt",
        # What runs on GitHub may prepare the tests:
        ".github/actions/setup/action.yml", ".github/scripts/prepare.py", ".github/workflows/data/words.yml",
    ],
)  # fmt: skip
def test_everything_else_can(path: str) -> None:
    assert may_run(path)


def test_the_files_that_can_are_named_once_and_in_order() -> None:
    assert that_may_run(["b.py", "README.md", "a.py", "b.py"]) == ["a.py", "b.py"]


def test_a_document_that_code_reads_by_a_link_can() -> None:
    links = {"shop/words.md": "docs/words.md", "shop/pages": "docs/pages", "docs/README.md": "README.md"}
    changed = ["docs/words.md", "docs/pages/a.md", "docs/other.md", "README.md"]
    assert that_may_run(changed, links) == ["docs/pages/a.md", "docs/words.md"]
    assert that_may_run(changed) == []
    assert that_may_run(changed, {"shop/all": "."}) == sorted(changed)


def test_a_document_that_code_or_tests_name_can() -> None:
    assert that_may_run(["README.md", "NEWS.md"], named={"README.md"}) == ["README.md"]
    assert [name in 'read("docs/a/page.md")' for name in names_in_code("docs/a/page.md")] == [True, False]
    assert not any(name in "# see page.md, and pages.md" for name in names_in_code("docs/a/page.md"))
    for text in ('Path("docs")', "Path('docs/a')", 'glob("*.md")'):
        assert any(name in text for name in names_in_tests("docs/a/page.md"))
        assert any(name in text for name in names_in_tests("page.md")) is (text == 'glob("*.md")')
    assert not any(name in "https://example.org/docs/page" for name in names_in_tests("docs/a/page.md"))
