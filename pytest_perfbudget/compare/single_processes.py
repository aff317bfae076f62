"""Single processes of either side, for fixtures that can exist only once and for questions to the base."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from pytest_perfbudget.compare.base_checkout import BaseCheckout
from pytest_perfbudget.compare.base_tests import BaseTests
from pytest_perfbudget.compare.context import ComparisonContext
from pytest_perfbudget.errors import WorkerRefusedError
from pytest_perfbudget.processes.process import Worker
from pytest_perfbudget.processes.protocol import Answer


class SingleProcesses:
    """The processes of head and base that run one after the other.

    Args:
        context: the session whose tests are measured.
        checkout: the checkout of the base.
        tests: the tests that the base has.

    Attributes:
        is_alone: whether the session's fixtures are torn down, so that a process needs no worker id of its own, for
            which a test may be skipped.
    """

    def __init__(self, context: ComparisonContext, checkout: BaseCheckout, tests: BaseTests) -> None:
        self._context = context
        self._checkout = checkout
        self._tests = tests
        self.is_alone = False
        self._unbuilt: dict[str, str] = {}
        self._modules: tuple[dict[str, str], dict[str, str]] = ({}, {})  # of head and base, one after the other

    def answers(self, nodeids: Sequence[str], *, of_base: bool, hash_seed: int) -> Iterator[Answer]:
        """Run a single process of one side, and yield the process's answers; see `BaseCheckout.addopts_of_head`.

        Raises:
            WorkerError: the process died, hangs or gave no answer.
        """
        try:
            yield from self._answers(nodeids, of_base=of_base, hash_seed=hash_seed)
        except WorkerRefusedError as refusal:
            with self._checkout.addopts_of_head(refusal):
                yield from self._answers(nodeids, of_base=of_base, hash_seed=hash_seed)

    def _answers(self, nodeids: Sequence[str], *, of_base: bool, hash_seed: int) -> Iterator[Answer]:
        head, base = self._checkout.launches(nodeids, hash_seed, self._checkout.further_files)
        launch = base if of_base else head
        request = replace(launch.request, worker="") if self.is_alone else launch.request
        with self._context.launcher.noting_hangs(nodeids), Worker(request, launch.start) as worker:
            for answer in worker.answers():
                if answer.nodeid:
                    self._modules[of_base].update(answer.modules)
                    note_other_files(self._context, self._checkout, *self._modules)
                    yield self._checked(answer) if of_base else self._noted(answer)
                else:
                    self._tests.note(answer.perf_tests)

    def choice_of_base(self) -> Answer:
        """Return the base's answer with the perf tests that it chooses by its own settings and the command line.

        Raises:
            WorkerError: the process died, hangs or gave no answer.
        """
        try:
            return self._choice_of_base()
        except WorkerRefusedError as refusal:
            with self._checkout.addopts_of_head(refusal):
                return self._choice_of_base()

    def _choice_of_base(self) -> Answer:
        _, launch = self._checkout.launches((), self._context.launcher.seed())
        request = replace(launch.request, nodeids=[""], files=(), worker="", collects=True)
        with Worker(request, launch.start) as worker:
            return next(worker.answers())

    def _noted(self, answer: Answer) -> Answer:
        """Give the base the generated modules that came with a test of the head, whose process runs first."""
        self._checkout.untracked.carry_late(answer.loaded, ())
        if problem := self._checkout.untracked.unbuilt(answer.loaded):
            self._unbuilt[answer.nodeid] = problem
        return answer

    def _checked(self, answer: Answer) -> Answer:
        """Return an answer of the base, without measurements if the base has run without a file of the head."""
        if answer.problem or not (problem := self._unbuilt.get(answer.nodeid, "")):
            return answer
        return replace(answer, problem=problem, is_wrong_code=True, measurements=[])


def note_other_files(
    context: ComparisonContext, checkout: BaseCheckout, head: Mapping[str, str], base: Mapping[str, str]
) -> None:
    """Note the modules that both sides have imported from different files; see `ComparisonContext.note_other_files`.

    Without a difference, as a rule, no file is looked for.
    """
    if any(base.get(name, file) != file for name, file in head.items()):
        context.note_other_files(checkout.other_files(head, base))
