"""``python tools/check_dataset.py`` is ``mmxas check-dataset``."""
import sys

from mmxas.cli.check_dataset import main

if __name__ == '__main__':
    sys.exit(main())
