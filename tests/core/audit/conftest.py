from tests.core.journal.conftest import account, journal

__all__ = ["account", "journal"]
