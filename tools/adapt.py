"""``python tools/adapt.py`` is ``mmxas adapt``."""
import sys

from mmxas.cli.adapt import main

if __name__ == '__main__':
    sys.exit(main())
