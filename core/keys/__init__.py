"""API keys on this machine: where they are kept, how they sign, and how one takes another's place."""
