"""What is kept: journal, latch file, handles of sessions, and where it all lies."""
