"""Thousands of orders at a venue that does everything wrong, and what both ledgers say afterwards."""
