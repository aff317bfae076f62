"""The credibility of pairs whose processes have measured other tests: the first pair, of new processes, has to agree.

An earlier test may have left something behind, such as a thread that goes on, or a registry that the teardown of a
fixture has emptied, and so have made the tests after it slower or faster on one side. New processes, which have
measured no other test, do not have what was left.
"""

from __future__ import annotations

from collections.abc import Sequence

from pytest_perfbudget.core.pair_effect import effect_of_pairs
from pytest_perfbudget.core.pair_runs import only_first_runs_look_slower
from pytest_perfbudget.core.pairs import Pair


def credible(pairs: Sequence[Pair], limit: float) -> Sequence[Pair]:
    """Return the pairs that decide: all of them, or those of new processes if shared pairs contradict the first.

    Args:
        pairs: the fresh pairs of a test.
        limit: the allowed growth, in log time.
    """
    return [one for one in pairs if not one.is_shared] if is_contradicted(pairs, limit) else pairs


def is_contradicted(pairs: Sequence[Pair], limit: float) -> bool:
    """Return whether the shared pairs and the first pair of new processes lie on different sides of the limit.

    Later pairs of new processes do not change that.

    Args:
        pairs: see `credible`.
        limit: see there.
    """
    shared = [one for one in pairs if one.is_shared]
    new = [one for one in pairs if not one.is_shared]
    if not (shared and new):
        return bool(shared)
    # Further runs in the first pair may be faster by what its own first run has left behind.
    is_slower = new[0].log_ratio > limit or only_first_runs_look_slower(new[:1], limit)
    return is_slower is not (effect_of_pairs(shared).log_ratio > limit)
