"""Every error a caller may want to tell apart."""

from __future__ import annotations


class HiveError(Exception):
    """Base of all errors of Agent Hive."""


class AuthenticationError(HiveError):
    """A token does not prove who sent it. The message never holds the token."""


class InvalidTokenError(AuthenticationError):
    """Malformed, not signed by a known key, or meant for somebody else."""


class ExpiredTokenError(AuthenticationError):
    """Past its expiry, leeway included."""


class RevokedTokenError(AuthenticationError):
    """Withdrawn before its expiry."""


class PolicyError(HiveError):
    """The definition of the roles contradicts itself."""


class PermissionDeniedError(HiveError):
    """No role of the agent grants the permission."""


class StorageError(HiveError):
    """Base of all errors of the storage."""


class SchemaError(StorageError):
    """The file holds a schema this version of the program does not know."""


class BusyError(StorageError):
    """Another writer held the database for longer than the busy timeout."""


class ConstraintError(StorageError):
    """A constraint of the schema refused the change; nothing of the transaction was kept."""


class AlreadyExistsError(StorageError):
    """The id is taken."""


class NotFoundError(StorageError):
    """There is no row of this id."""


class TaskStateError(StorageError):
    """The task is not in the state, or not in the hands, that the change requires."""
