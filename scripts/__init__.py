"""The making of the project: locking, running the suite, taking pictures. Not part of the program."""
