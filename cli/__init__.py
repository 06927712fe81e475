"""The command line: parse, call one operation, show the result."""

VERSION = "0.1.0"
