"""``python tools/model_converters/released_to_mmxas.py`` is ``mmxas convert from-released``."""
import sys

from mmxas.cli.convert import main_from_released as main

if __name__ == '__main__':
    sys.exit(main())
