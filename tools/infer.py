"""``python tools/infer.py`` is ``mmxas infer``."""
import sys

from mmxas.cli.infer import main

if __name__ == '__main__':
    sys.exit(main())
