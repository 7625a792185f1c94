"""How other programs talk to the daemon: operator calls, and the `gate` of scripts."""
