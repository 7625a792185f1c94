"""The room on screen: the only importer of textual."""
