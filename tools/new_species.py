"""``python tools/new_species.py`` is ``mmxas new-species``."""
import sys

from mmxas.cli.new_species import main

if __name__ == '__main__':
    sys.exit(main())
