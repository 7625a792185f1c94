"""For scripts: `from controlroom import gate`, then `with gate.act("delete", paths=[...], reason="...") as receipt: ...`."""

from controlroom.client.gate import Denied, GateError, Receipt, Unavailable, act

__all__ = ["Denied", "GateError", "Receipt", "Unavailable", "act"]
