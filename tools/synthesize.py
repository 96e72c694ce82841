"""``python tools/synthesize.py`` is ``mmxas synthesize``."""
import sys

from mmxas.cli.synthesize import main

if __name__ == '__main__':
    sys.exit(main())
