"""The screens: the room, the pages over it (stop, help, full view) and the dialogs."""
