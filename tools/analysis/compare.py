"""``python tools/analysis/compare.py`` is ``mmxas compare``."""
import sys

from mmxas.cli.results import main_compare as main

if __name__ == '__main__':
    sys.exit(main())
