"""``python tools/import_keypoints.py`` is ``mmxas import``."""
import sys

from mmxas.cli.import_keypoints import main

if __name__ == '__main__':
    sys.exit(main())
