"""``python tools/test.py`` is ``mmxas test``."""
import sys

from mmxas.cli.test import main

if __name__ == '__main__':
    sys.exit(main())
