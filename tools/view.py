"""``python tools/view.py`` is ``mmxas view``."""
import sys

from mmxas.cli.view import main

if __name__ == '__main__':
    sys.exit(main())
