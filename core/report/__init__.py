"""Profit and loss from fills: lots, books, equity and rows for tax tools. Definitions: docs/report.md."""
