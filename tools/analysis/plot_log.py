"""``python tools/analysis/plot_log.py`` is ``mmxas plot``."""
import sys

from mmxas.cli.plot_log import main

if __name__ == '__main__':
    sys.exit(main())
