"""What recorded sessions of identical code differ by: the constants of a comparison of saved sessions.

Sources, in `tests/data`: A is `runs.json` (40 processes), B `sequential.json` (30 processes of another machine), C
`saved_sessions.json` (23 sessions with one baseline, of a third machine). `tests/benchmarks/saved_sessions.py` prints
the figures, of each half of a recording by time and of each machine.
"""

from __future__ import annotations

import math
from typing import Final

SPREAD: Final = 0.25
"""The standard deviation of a session's log time, if nothing is known about the machine. Medians of the 12 workloads
of A differ from session to session by 5 to 32 %, root mean square 25 %; all tests are taken to have it in common."""

SESSION_ERROR_OF_BASELINE: Final = 0.007
SESSION_ERROR_OF_BLOCKS: Final = 0.065
"""The standard deviations, in log time, of what all tests of a session have in common once the weather is corrected by
a baseline or by blocks.

Blocks: the means of the tests differ by 9 % beyond the scatter of the tests in pairs of A, and not at all in those of
B. Learned from A alone, no pair of B misses its interval of 95 %; learned from B alone, 21 % of the pairs of A do. With
the constant, 0 % and 3 % of the pairs of the halves of A miss, and 0 % of those of B.

Baseline: in pairs of C the means differ by no more than the scatter of the tests, whose upper bound is taken. Against a
baseline of the first five runs, without fresh processes, they differ by 2 % in A and not in B. The errors of the tests
are so much larger than their scatter that the interval of the mean holds all the same: 4 % and 1 % of the pairs of the
halves of A miss, and 0 % of those of B and of C."""

DOF_OF_SESSIONS: Final = 8.0
"""The degrees of freedom of these standard deviations, which few recordings show."""

PROCESS_SPREAD: Final = 0.03 / math.sqrt(2)
"""The standard deviation of a process from others of the same code, in log time, which lasts for its life, so that no
statistic within the process shows it. Chosen on pairs of A and B, of which 1 % at most may be marked."""

DOF_OF_PROCESSES: Final = 4.0
"""The degrees of freedom of this standard deviation: some processes differ from all others by 5 to 15 %."""
