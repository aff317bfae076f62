"""What a worker sends to the controller."""

from __future__ import annotations

from scripting import TWO_WORKERS, Project


def test_names_that_are_enums_of_strings_cross_to_the_controller(lean: Project) -> None:
    lean.run(
        """
import enum
class Part(str, enum.Enum):
    API = "api"

@pytest.mark.perf_budget(p95_ms=50, component=Part.API)
def test_it(): advance(ms=1)
""",
        *TWO_WORKERS,
    ).assert_outcomes(passed=1)
    assert lean.report["measurements"][0]["component"] == "api"
