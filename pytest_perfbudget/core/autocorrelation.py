"""The effective sample size of values that depend on each other.

Requests under load wait in the same queue, so a slow request follows a slow request. A thousand such latencies may say
as little as fifty independent ones. The effective sample size is the number of independent values that would determine
a mean as precisely: n / tau, with the integrated autocorrelation time tau = 1 + 2 * (sum of the autocorrelations).

tau is summed up to the first lag W with W >= 5 tau, after which the terms are noise (Sokal 1997, Monte Carlo Methods in
Statistical Mechanics, in Functional Integration, 131-192).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_WINDOW: Final = 5.0


def autocorrelation_time(values: Sequence[float] | NDArray[np.float64]) -> float:
    """Return the integrated autocorrelation time, in values: 1.0 for independent and for constant values.

    Args:
        values: the values in the order in which they came about.
    """
    import numpy as np  # noqa: PLC0415 - 0.1 s, only for load

    centred = np.asarray(values, dtype=float)
    centred = centred - centred.mean()
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
