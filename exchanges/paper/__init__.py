"""An exchange in a box: Binance's wire on loopback, with real signatures, filters, fees and matching.

It shares no code with the venue clients: they must not share a misunderstanding of the venue's documents.
"""

from exchanges.paper.exchange import Exchange, PaperConfig
from exchanges.paper.keys import ApiKey, Permissions
from exchanges.paper.market import MarketFileError
from exchanges.paper.records import Persona
from exchanges.paper.schema import StateError
from exchanges.paper.server import PaperEndpoint, serve

__all__ = [
    "ApiKey",
    "Exchange",
    "MarketFileError",
    "PaperConfig",
    "PaperEndpoint",
    "Permissions",
    "Persona",
    "StateError",
    "serve",
]
