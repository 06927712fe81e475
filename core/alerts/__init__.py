"""Alerts: what of the journal a human must hear of, kept on disk until it was told.

The journal is the source, so that nothing of the order path knows of alerts or waits for them: a process
beside it reads what was written, queues what matters and delivers it.
"""
