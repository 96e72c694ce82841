"""``python tools/dataset_converters/surreal.py`` is ``mmxas convert surreal``."""
import sys

from mmxas.cli.convert import main_surreal as main

if __name__ == '__main__':
    sys.exit(main())
