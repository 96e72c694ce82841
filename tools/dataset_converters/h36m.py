"""``python tools/dataset_converters/h36m.py`` is ``mmxas convert h36m``."""
import sys

from mmxas.cli.convert import main_h36m as main

if __name__ == '__main__':
    sys.exit(main())
