"""Binance's streams: what stands behind each name, and what a client may say to a stream connection."""
