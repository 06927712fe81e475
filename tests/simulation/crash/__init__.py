"""Real commands, killed and suspended on their way to the venue, and what both ledgers say afterwards."""
