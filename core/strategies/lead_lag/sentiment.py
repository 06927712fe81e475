"""What the news say: words of a headline, and headlines that fade.

    score of a headline   tanh((positive words − negative words)/2)
    sentiment             Σ s·w / (Σ w + prior),   w = ½^(age/half-life);  nothing after six half-lives

Without the prior the decay cancels for a lone headline: one of ten hours ago would still be the whole news.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from math import tanh

from core.strategies.lead_lag.parameters import LeadLagParameters
from core.strategies.market import Headline

POSITIVE = frozenset(
    ("surge", "record", "ath", "inflows", "approval", "partnership", "upgrade", "growth", "bullish", "tvl")
)
NEGATIVE = frozenset(
    (
        "hack",
        "exploit",
        "lawsuit",
        "ban",
        "outflows",
        "liquidation",
        "collapse",
        "bearish",
        "dump",
        "downtime",
    )
)
HALF_LIVES = 6
_MINUTE_MS = 60_000


def headline_score(title: str) -> float:
    """Return the score of a headline by its distinct, whole words, −1 … 1 exclusive."""
    words = set(_normalized(title).split())
    return tanh((len(words & POSITIVE) - len(words & NEGATIVE)) / 2)


def horizon_ms(rule: LeadLagParameters) -> int:
    """Return the age after which a headline counts nothing."""
    return round(HALF_LIVES * rule.half_life_minutes * _MINUTE_MS)


def sentiment(headlines: Iterable[Headline], now_ms: int, rule: LeadLagParameters) -> float:
    """Return the sentiment of the newest headlines at `now_ms`, −1 … 1; 0 without any.

    A headline told twice (same address, source and words) counts once, as the newest. Those of the future
    are not looked at.
    """
    newest = sorted(
        (each for each in headlines if 0 <= now_ms - each.published_ms <= horizon_ms(rule)),
        key=lambda each: -each.published_ms,
    )
    distinct = dict[str, Headline]()
    for each in newest:
        distinct.setdefault(_fingerprint(each), each)
    total = weights = 0.0
    for each in list(distinct.values())[: rule.headlines_max]:
        weight = 0.5 ** ((now_ms - each.published_ms) / _MINUTE_MS / rule.half_life_minutes)
        score = headline_score(each.title) if each.score is None else max(-1.0, min(1.0, each.score))
        total += score * weight
        weights += weight
    return total / (weights + rule.prior_weight) if weights else 0.0


def _fingerprint(headline: Headline) -> str:
    text = f"{headline.url}|{headline.source}|{_normalized(headline.title)}"
    return hashlib.sha256(text.encode()).hexdigest()


def _normalized(title: str) -> str:
    return " ".join(re.sub(r"[^a-z0-9 ]", " ", title.lower()).split())
