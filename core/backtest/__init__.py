"""Back-tests: the live decision on recorded bars, filled by the paper exchange's rules (docs/backtest.md)."""
