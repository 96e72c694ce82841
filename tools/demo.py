"""``python tools/demo.py`` is ``mmxas demo``."""
import sys

from mmxas.cli.demo import main

if __name__ == '__main__':
    sys.exit(main())
