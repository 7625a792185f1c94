"""Wiring: sockets, peers, gate server, operator server, runner of orders."""
