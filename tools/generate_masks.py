"""``python tools/generate_masks.py`` is ``mmxas masks``."""
import sys

from mmxas.cli.generate_masks import main

if __name__ == '__main__':
    sys.exit(main())
