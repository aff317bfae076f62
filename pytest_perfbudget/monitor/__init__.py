"""The monitor of a running service: the components and budgets of the tests, held to the requests of the service.

Knows neither pytest nor tests. Importing the package imports neither scipy nor rich, because services import it.
"""

from pytest_perfbudget.monitor.monitor import Monitor

__all__ = ["Monitor"]
