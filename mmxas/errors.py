"""Exception for mistakes of the user."""


class UsageError(Exception):
    """Raised for an invalid command line or config; shown without a traceback."""
