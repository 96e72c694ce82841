"""``python tools/export_pairs.py`` is ``mmxas export pairs``."""
import sys

from mmxas.cli.export_pairs import main

if __name__ == '__main__':
    sys.exit(main())
