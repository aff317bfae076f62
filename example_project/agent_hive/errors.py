"""The errors that a caller may want to tell apart."""

from __future__ import annotations


class HiveError(Exception):
    """The base of all errors of Agent Hive."""


class AuthenticationError(HiveError):
    """A token that does not prove its sender. The message never contains the token."""


class InvalidTokenError(AuthenticationError):
    """A token that is malformed, not signed by a known key, or meant for another audience."""


class ExpiredTokenError(AuthenticationError):
    """A token past its expiry, leeway included."""


class RevokedTokenError(AuthenticationError):
    """A token that was withdrawn before its expiry."""


class PolicyError(HiveError):
    """A definition of roles that contradicts itself."""


class PermissionDeniedError(HiveError):
    """A permission that no role of the agent grants."""


class StorageError(HiveError):
    """The base of all errors of the storage."""


class SchemaError(StorageError):
    """A file with a schema that this version of the program does not know."""


class BusyError(StorageError):
    """A database that another writer held for longer than the busy timeout."""


class ConstraintError(StorageError):
    """A change that a constraint of the schema refused; nothing of the transaction was kept."""


class AlreadyExistsError(StorageError):
    """An id that is already taken."""


class NotFoundError(StorageError):
    """An id for which there is no row."""


class TaskStateError(StorageError):
    """A task that is not in the state that a change requires, or does not belong to the agent."""


class NoEndpointError(HiveError):
    """A capability that no live and healthy agent offers."""


class CircuitOpenError(HiveError):
    """A call that is not made, because the circuit breakers of the agents are open."""


class UpstreamError(HiveError):
    """A call of an agent that brought no answer."""


class SettingsError(HiveError):
    """A file of settings that the gateway cannot use."""


class RateLimitStoreError(HiveError):
    """A store of rate limits that does not answer."""
