"""``python tools/model_converters/released_to_mmxas.py`` is ``mmxas convert from-released``."""
import sys

from mmxas.cli.released_to_mmxas import main

if __name__ == '__main__':
    sys.exit(main())
