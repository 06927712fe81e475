"""Incidents to rehearse: what each looks like, when it has ended, and what is written down of it."""
