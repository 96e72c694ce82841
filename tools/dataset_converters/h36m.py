"""``python tools/dataset_converters/h36m.py`` is ``mmxas convert h36m``."""
import sys

from mmxas.cli.convert_h36m import main

if __name__ == '__main__':
    sys.exit(main())
