"""One use case a file, with the names of the commands."""
