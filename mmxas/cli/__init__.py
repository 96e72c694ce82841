"""The command ``mmxas``: its subcommands and their shared code."""
