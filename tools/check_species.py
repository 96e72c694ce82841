"""``python tools/check_species.py`` is ``mmxas check-species``."""
import sys

from mmxas.cli.check_species import main

if __name__ == '__main__':
    sys.exit(main())
