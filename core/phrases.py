"""The phrases that a human types before money can be spent or access cut."""

from __future__ import annotations


def as_meant(typed: str) -> str:
    """Return a phrase as it was meant: no keyboard has an ellipsis, and nobody sees a second space."""
    return " ".join(typed.replace("...", "…").split())
