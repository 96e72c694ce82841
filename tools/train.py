"""``python tools/train.py`` is ``mmxas train``."""
import sys

from mmxas.cli.train import main

if __name__ == '__main__':
    sys.exit(main())
