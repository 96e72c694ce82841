"""``python tools/analysis/plot_log.py`` is ``mmxas plot``."""
import sys

from mmxas.cli.results import main_plot as main

if __name__ == '__main__':
    sys.exit(main())
