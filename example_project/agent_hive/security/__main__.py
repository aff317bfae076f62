"""The commands `python -m agent_hive.security keys` and `token`, to try the gateway out."""

from __future__ import annotations

import argparse
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from agent_hive.security.keys import SigningKey
from agent_hive.security.tokens import TokenIssuer

_PRIVATE, _PUBLIC = "hive.pem", "hive.pub.pem"


def main() -> None:
    """Write a pair of keys, or print a token."""
    parser = argparse.ArgumentParser(prog="python -m agent_hive.security", description="Make keys and tokens.")
    commands = parser.add_subparsers(dest="command", required=True)
    keys = commands.add_parser("keys", help=f"write {_PRIVATE} and {_PUBLIC}")
    keys.add_argument("folder", type=Path, help="the folder of the two files")
    token = commands.add_parser("token", help="print a token")
    token.add_argument("key", type=Path, help="the private key")
    token.add_argument("agent_id", help="whom the token identifies")
    token.add_argument("role", nargs="+", help="the roles")
    token.add_argument("--issuer", required=True)
    token.add_argument("--audience", required=True)
    options = parser.parse_args()
    if options.command == "keys":
        write_keys(SigningKey.generate(), options.folder)
    else:
        key = SigningKey.from_pem(options.key.read_bytes())
        issuer = TokenIssuer(key, issuer=options.issuer, audience=options.audience)
        print(issuer.issue(options.agent_id, options.role))  # noqa: T201 - the command's output


def write_keys(key: SigningKey, folder: Path) -> tuple[Path, Path]:
    """Write both halves of a key, and return the files of the private and of the public half."""
    private, public = folder / _PRIVATE, folder / _PUBLIC
    private.touch(mode=0o600)
    private.write_bytes(key.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    public.write_bytes(key.public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    return private, public


if __name__ == "__main__":
    main()
