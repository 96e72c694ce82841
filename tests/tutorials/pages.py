"""Run the code of a page in its order, in one shell, as a reader does who copies block after block."""
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r'^```(bash|python)\n(.*?)^```$', re.MULTILINE | re.DOTALL)


def section(text: str, heading: str) -> str:
    """The text below a heading of the second level."""
    return re.search(rf'^## {heading}$(.*?)(?=^## |\Z)', text, re.MULTILINE | re.DOTALL)[1]


def shell_lines(text: str) -> Iterator[str]:
    """Blocks as lines of a shell: one that begins with the name of a file is written, other Python is run."""
    for language, block in BLOCK.findall(text):
        name = re.match(r'# (\w+\.py)\n', block)
        if language == 'bash':
            yield block
        elif name:
            yield f"cat > {name[1]} <<'END_OF_BLOCK'\n{block}END_OF_BLOCK\n"
        else:
            yield f"python - <<'END_OF_BLOCK'\n{block}END_OF_BLOCK\n"


def run_blocks(text: str, folder: Path, seconds: int = 900) -> str:
    """Run the blocks of a text in a folder, with this interpreter and its ``mmxas`` in front.

    Returns:
        What they printed.

    Raises:
        AssertionError: A command failed; has the last commands and what they printed.
    """
    return run_shell('\n'.join(shell_lines(text)), folder, seconds)


def run_shell(script: str, folder: Path, seconds: int = 900) -> str:
    """The same of a script."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ['PATH']])
    environment = {**os.environ, 'PATH': path, 'PYTHONPATH': str(ROOT), 'MPLBACKEND': 'Agg', 'OMP_NUM_THREADS': '2'}
    done = subprocess.run(['bash', '-euxo', 'pipefail', '-c', script], cwd=folder, env=environment, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=seconds)
    assert done.returncode == 0, done.stdout[-6000:]
    return done.stdout
