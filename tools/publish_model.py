"""``python tools/publish_model.py`` is ``mmxas publish``."""
import sys

from mmxas.cli.publish_model import main

if __name__ == '__main__':
    sys.exit(main())
