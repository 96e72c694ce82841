"""``python tools/export_predictions.py`` is ``mmxas export predictions``."""
import sys

from mmxas.cli.export_predictions import main

if __name__ == '__main__':
    sys.exit(main())
