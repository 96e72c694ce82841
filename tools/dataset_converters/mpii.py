"""``python tools/dataset_converters/mpii.py`` is ``mmxas convert mpii``."""
import sys

from mmxas.cli.convert import main_mpii as main

if __name__ == '__main__':
    sys.exit(main())
