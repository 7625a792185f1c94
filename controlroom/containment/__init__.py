"""Launching, freezing, killing, and the kernel proof of it."""
