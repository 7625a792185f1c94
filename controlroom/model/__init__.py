"""The words: frozen Structs that all rooms share. No I/O, no clock, no behaviour beyond invariants."""
