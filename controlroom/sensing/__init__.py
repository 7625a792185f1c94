"""Bytes and facts from logs, processes and files, turned into events."""
