"""``python tools/model_converters/mmxas_to_released.py`` is ``mmxas convert to-released``."""
import sys

from mmxas.cli.convert import main_to_released as main

if __name__ == '__main__':
    sys.exit(main())
