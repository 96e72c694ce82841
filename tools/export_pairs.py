"""``python tools/export_pairs.py`` is ``mmxas export pairs``."""
import sys

from mmxas.cli.export import main_pairs as main

if __name__ == '__main__':
    sys.exit(main())
