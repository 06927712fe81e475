"""Binance's wire, from the Spot API documents of 2026."""

from exchanges.paper.dialects.binance.serving import HttpAnswer, HttpRequest, answer, failure

__all__ = ["HttpAnswer", "HttpRequest", "answer", "failure"]
