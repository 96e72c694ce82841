"""``python tools/model_converters/mmxas_to_released.py`` is ``mmxas convert to-released``."""
import sys

from mmxas.cli.mmxas_to_released import main

if __name__ == '__main__':
    sys.exit(main())
