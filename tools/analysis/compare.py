"""``python tools/analysis/compare.py`` is ``mmxas compare``."""
import sys

from mmxas.cli.compare import main

if __name__ == '__main__':
    sys.exit(main())
