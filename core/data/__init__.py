"""Recorded bars in the home's data folder: imported, checked, read by back-tests (docs/data.md)."""
