"""The effective sample size of values that depend on each other.

Requests under load wait in the same queue, so a slow request follows a slow request. A thousand such latencies may say
as little as fifty independent ones. The effective sample size is the number of independent values that would determine
a mean as precisely: n / tau, with the integrated autocorrelation time tau = 1 + 2 * (sum of the autocorrelations).

tau is summed up to the first lag W with W >= 5 tau, after which the terms are noise (Sokal 1997, Monte Carlo Methods in
Statistical Mechanics, in Functional Integration, 131-192).

Where requests take turns, between three back ends or three addresses, neighbours differ more than chance has it. The
sum dips at once, and ends before the lag at which the same back end is slow again. The means of batches of requests do
not see the turns. tau of the requests is that of such means, times the length of a batch, times the variance of the
means over that of the requests. The longest of these times counts, and twice if it is much longer than that of the
requests: few batches estimate it, and where requests take turns nothing else does.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_WINDOW: Final = 5.0

_BATCHES: Final = (10, 30, 100)
"""The lengths of the batches: requests that take turns seldom take more of them."""

_FEWEST_BATCHES: Final = 50
"""The fewest batches whose variance is an estimate."""

_LONGER: Final = 1.5
_CAUTION: Final = 2.0
"""The factor of a time of batches that is longer by `_LONGER` than that of the requests. Without it, 2 % of simulated
loads in turns were falsely called exceeded where 1 % are allowed; with it 0.6 %."""


def autocorrelation_time(values: Sequence[float] | NDArray[np.float64]) -> float:
    """Return the integrated autocorrelation time, in values: 1.0 for independent and for constant values.

    Args:
        values: the values in the order in which they came about.
    """
    import numpy as np  # noqa: PLC0415 - 0.1 s, only for load

    array = np.asarray(values, dtype=float)
    variance = array.var()
    plain = _summed_time(array)
    times = [plain]
    for length in _BATCHES:
        batches = len(array) // length
        if variance and batches >= _FEWEST_BATCHES:
            means = array[: batches * length].reshape(batches, length).mean(axis=1)
            times.append(float(length * means.var() / variance) * _summed_time(means))
    longest = max(times)
    return longest * _CAUTION if longest > _LONGER * plain else longest


def _summed_time(values: NDArray[np.float64]) -> float:
    """Return the sum of the autocorrelations up to the lag after which they are noise; at least 1.0."""
    import numpy as np  # noqa: PLC0415 - as above

    centred = values - values.mean()
    count = len(centred)
    if not centred.any():
        return 1.0
    spectrum = np.fft.rfft(centred, 2 * count)  # padded, so that the end does not meet the beginning
    covariances = np.fft.irfft(spectrum * np.conj(spectrum))[:count]
    times = 2 * np.cumsum(covariances / covariances[0]) - 1
    is_enough = np.arange(count) >= _WINDOW * times
    window = int(np.argmax(is_enough)) if is_enough.any() else count - 1
    return max(1.0, float(times[window]))


def effective_size(values: Sequence[float], limit: float, share: float) -> float:
    """Return the effective sample size for the share of values above a limit.

    The longer of two autocorrelation times counts: that of being above the limit, and that of being above the values'
    own quantile. With the first alone, values that never exceed the limit would look independent.

    Args:
        values: the values in the order in which they came about.
        limit: the limit, in the same unit.
        share: the share of the quantile that is compared with the limit, such as 0.95.
    """
    import numpy as np  # noqa: PLC0415 - as above

    array = np.asarray(values, dtype=float)
    above = (array > one for one in (limit, np.quantile(array, share)))
    return len(array) / max(autocorrelation_time(one.astype(float)) for one in above)
