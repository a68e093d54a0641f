"""The exercises, one file per chapter."""
