"""Binance's wire, from the Spot API documents of 2026."""

from exchanges.paper.dialects.binance.faulty import Delivery, Served, serve
from exchanges.paper.dialects.binance.serving import HttpAnswer, HttpRequest, answer, failure

__all__ = ["Delivery", "HttpAnswer", "HttpRequest", "Served", "answer", "failure", "serve"]
