"""Seals: a key that only the daemon's memory holds, another one after each seal (forward security, as in journald).

A seal is HMAC-SHA256 over the sum of the record before it. The next key is a hash of this one, and this one is forgotten:
whoever takes over the machine later cannot make the seals of earlier records. Whoever was given a key in time, and kept it
elsewhere (`audit anchor --seal-key`), can compute all later ones and check every seal from there on.
"""

import hashlib
import hmac
import secrets

import msgspec

from controlroom.storage.notes import Seal

MOST_RECORDS = 100  # records in front of a seal, with it
MOST_SECONDS = 60.0


class SealKey(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What proves the seals of a daemon's life from `epoch` on. `life`: fingerprint of its first key; `key`: 64 hex digits."""

    life: str
    epoch: int
    key: str

    def next(self) -> "SealKey":
        """The key of the epoch after."""
        key = hashlib.sha256(b"controlroom seal key\0" + bytes.fromhex(self.key)).hexdigest()
        return SealKey(self.life, self.epoch + 1, key)

    def seal(self, digest: str) -> Seal:
        """The seal of this epoch over the record with this sum."""
        return Seal(self.epoch, hmac.digest(bytes.fromhex(self.key), f"{self.epoch}:{digest}".encode(), "sha256").hex())

    def fits(self, seal: Seal, digest: str) -> bool:
        """Whether `seal`, of this epoch, was made with this key over the record with this sum."""
        return hmac.compare_digest(self.seal(digest).mac, seal.mac)


def new_key() -> SealKey:
    """The first key of a daemon's life."""
    key = secrets.token_hex(32)
    return SealKey(hashlib.sha256(b"controlroom seal life\0" + bytes.fromhex(key)).hexdigest(), 1, key)
