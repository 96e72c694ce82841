"""The command ``mmxas`` as pip writes it, for tests of processes; it may not be installed yet."""
from pathlib import Path

SCRIPT = """import sys
from mmxas.cli.main import main
status = main()
{last}
sys.exit(status)
"""


def write_command(folder: Path, last: str = '') -> Path:
    """Write the script ``mmxas`` and return its path.

    Args:
        folder: Where to.
        last: A statement to run at the end. Defaults to none.
    """
    path = folder / 'mmxas'
    path.write_text(SCRIPT.format(last=last))
    return path
