"""The rules by which the measurement of a test in a pair ends, or is repeated."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from pytest_perfbudget.core.pair_evidence import evidence, hides_rare_calls
from pytest_perfbudget.core.pairs import Pair

LONG_NS: Final = 20e6
"""The time of a call above which pairs take long, so that there are fewer of them."""

_VERY_LITTLE = math.log(0.05)
"""A screening pair that has not reached `SCREENING_ERROR` is cleared early below this log likelihood ratio."""

_MUCH = math.log(20)
"""The log likelihood ratio above which a second screening pair would be in vain."""

_FAR = 12.0
_FAR_ERROR = 0.008
"""A fresh pair ends where its slowdown exceeds the limit by `_FAR` standard errors, and these are no larger than
`_FAR_ERROR`, less than the spread between pairs. Nearer to the limit, and less precise, pairs would be made up for by
more pairs. A screening pair has all its quads, so that code which is slower in its first calls only is no suspect."""

_VERY_FAR = 0.14
_VERY_FAR_ERROR = 0.015
_VERY_FAR_ERRORS = 6.0
"""The same for a slowdown so far beyond the limit, in log time, that the early look decides, in spite of the error."""


@dataclass(frozen=True, slots=True)
class PairRules:
    """The rules for the pairs of one measurement.

    Attributes:
        limit: the allowed growth, in log time.
    """

    limit: float

    def is_cleared(self, pair: Pair) -> bool:
        """Return whether a screening pair needs no further quads: a slowdown is far less likely than none already.

        The mean call must not look slower either. Code that becomes slower only in its later calls may be cleared
        before. Further quads might make the result `unchanged`, which asks for twice the time of the pair and decides
        nothing.
        """
        looks_slower = pair.mean is None or pair.mean.log_ratio > self.limit
        return not looks_slower and evidence([pair], self.limit) <= _VERY_LITTLE

    def needs_second(self, pair: Pair) -> bool:
        """Return whether a second screening pair is to tell if the first was off.

        The first leaves a slowdown open then, or looks faster than is allowed to be `unchanged`. Where a slowdown is
        far more likely than none, and where a pair takes long, fresh pairs tell at once.
        """
        if pair.is_of_load or pair.base_ns > LONG_NS or hides_rare_calls([pair], self.limit):
            return False
        return pair.log_ratio < -self.limit or _VERY_LITTLE < evidence([pair], self.limit) < _MUCH

    def is_far_slower(self, pair: Pair) -> bool:
        """Return whether a fresh pair needs no further quads, because it exceeds the limit by many standard errors.

        The error between pairs is larger then than that within the pair, and more quads would not reduce it.
        """
        beyond = pair.log_ratio - self.limit
        if pair.std_error <= _FAR_ERROR and beyond > _FAR * pair.std_error:
            return True
        return pair.std_error <= _VERY_FAR_ERROR and beyond > max(_VERY_FAR, _VERY_FAR_ERRORS * pair.std_error)

    def needs_repetition(self, pair: Pair) -> bool:
        """Return whether a fresh pair is to run the test again, because the place of its data has a part in its time.

        A load, and a call so long that the pair has few quads, take too long for that.
        """
        return not pair.is_of_load and pair.mean is not None
