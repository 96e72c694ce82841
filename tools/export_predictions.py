"""``python tools/export_predictions.py`` is ``mmxas export predictions``."""
import sys

from mmxas.cli.export import main_predictions as main

if __name__ == '__main__':
    sys.exit(main())
