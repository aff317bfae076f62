"""The worker that tells which perf tests another commit chooses by its own files, and that runs none."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from pathlib import Path

import pytest

from pytest_perfbudget.config import load_settings
from pytest_perfbudget.plugin.child.quiet_options import switch_off
from pytest_perfbudget.plugin.child.worker import WorkerPlugin
from pytest_perfbudget.plugin.collection.kind import is_perf_test
from pytest_perfbudget.plugin.collection.xfail_marks import is_expected_to_fail
from pytest_perfbudget.plugin.keys import replaces_fixtures
from pytest_perfbudget.processes.protocol import Answer


class CollectingWorker(WorkerPlugin):
    """The plugin that lets pytest collect as the command line and the files of the commit say."""

    @pytest.hookimpl(tryfirst=True)
    def pytest_configure(self, config: pytest.Config) -> None:
        """Switch off options that have nothing to do with the choice, and leave out folders that the commit lacks."""
        switch_off(config, self._request.scratch)
        # This process tells the perf tests itself, and by the commit's table.
        for name in ("perf_only", "perf_skip", "perf_affected_first"):
            setattr(config.option, name, False)
        folder = config.invocation_params.dir
        found = [one for one in config.args if (folder / one.partition("::")[0]).exists()]
        config.args[:] = found or [self._request.scratch]

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> Generator[None, None, None]:
        """Note the chosen tests after all other hooks."""
        yield
        self._found = {self.name(item): item for item in items}
        items.clear()

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool | None:
        """Tell the chosen perf tests, those that are expected to fail, and those with a fixture of the project."""
        tests = self.perf_tests(session.config)
        failing = [one for one in tests if is_expected_to_fail(self._found[one])]
        replacing = [one for one in tests if replaces_fixtures(self._found[one])]
        self._send(Answer("", "", [], perf_tests=tests, expected_to_fail=failing, replacing=replacing))
        return True

    @property
    def configuration(self) -> Path | None:
        """The folder of the configuration that holds: the commit's own."""
        return None

    def perf_tests(self, config: pytest.Config) -> Sequence[str]:
        """Return the perf tests that the commit chooses."""
        settings = load_settings(config.rootpath / "pyproject.toml")
        chosen = self._found.items()
        return [one for one, item in chosen if is_perf_test(item, settings.entries, codspeed=settings.codspeed)]
