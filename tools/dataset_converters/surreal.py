"""``python tools/dataset_converters/surreal.py`` is ``mmxas convert surreal``."""
import sys

from mmxas.cli.convert_surreal import main

if __name__ == '__main__':
    sys.exit(main())
