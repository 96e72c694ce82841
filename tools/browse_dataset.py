"""``python tools/browse_dataset.py`` is ``mmxas browse``."""
import sys

from mmxas.cli.browse_dataset import main

if __name__ == '__main__':
    sys.exit(main())
