"""Containment: how a session is held (rungs), launched (shim), frozen and killed with the kernel's proof (hold)."""
