"""``python tools/inspect_checkpoint.py`` is ``mmxas inspect``."""
import sys

from mmxas.cli.inspect_checkpoint import main

if __name__ == '__main__':
    sys.exit(main())
