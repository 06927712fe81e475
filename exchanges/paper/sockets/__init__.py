"""WebSocket connections of the paper exchange: their life, and the pulse that feeds them."""
