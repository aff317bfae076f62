"""Ed25519 keys: the private key that signs tokens, and the public keys that verify them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

_ID_LENGTH = 16


def key_id(public: Ed25519PublicKey) -> str:
    """Return the id of a key, which is a digest of its public half."""
    raw = public.public_bytes(Encoding.Raw, PublicFormat.Raw)
    return hashlib.sha256(raw).hexdigest()[:_ID_LENGTH]


@dataclass(frozen=True)
class SigningKey:
    """A private key and its id."""

    private: Ed25519PrivateKey = field(repr=False)
    id: str

    @classmethod
    def generate(cls) -> SigningKey:
        """Make a new key."""
        return cls.of(Ed25519PrivateKey.generate())

    @classmethod
    def from_pem(cls, pem: bytes, password: bytes | None = None) -> SigningKey:
        """Read a key from PKCS#8 PEM.

        Raises:
            TypeError: the key is of another kind.
            ValueError: the text is no PEM, or the password is wrong.
        """
        private = load_pem_private_key(pem, password)
        if not isinstance(private, Ed25519PrivateKey):
            message = f"expected an Ed25519 private key, found {type(private).__name__}"
            raise TypeError(message)
        return cls.of(private)

    @classmethod
    def of(cls, private: Ed25519PrivateKey) -> SigningKey:
        """Return a private key with its id."""
        return cls(private, key_id(private.public_key()))

    @property
    def public(self) -> Ed25519PublicKey:
        """The half that verifiers hold."""
        return self.private.public_key()


class KeySet:
    """The trusted public keys, by id; there are several while keys are rotated."""

    def __init__(self, keys: Iterable[Ed25519PublicKey]) -> None:
        self._keys = {key_id(key): key for key in keys}

    def get(self, wanted: str) -> Ed25519PublicKey | None:
        """Return the key with this id; None if the key is not trusted."""
        return self._keys.get(wanted)
