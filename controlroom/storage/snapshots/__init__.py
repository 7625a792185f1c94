"""Snapshots: the pre-image of what an act could destroy, saved before it is released, and brought back by an undo.

`cover` says what a snapshot of an act would hold and whether there can be one; `take` makes it; `plan` compares it with what is
there now; `restore` brings it back. `Store` is where they lie.
"""
