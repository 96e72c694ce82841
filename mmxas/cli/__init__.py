"""The command ``mmxas``: its subcommands, and what they share."""
