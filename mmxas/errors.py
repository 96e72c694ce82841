"""The error that stands for a mistake of the user."""


class UsageError(Exception):
    """Something on the command line, or in the config that it names, is wrong; shown without a traceback."""
