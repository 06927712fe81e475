"""Decisions as they are written down: with what each was made of, so that it can be made again."""
