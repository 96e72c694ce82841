"""``python tools/replay_batch.py`` is ``mmxas replay``."""
import sys

from mmxas.cli.replay_batch import main

if __name__ == '__main__':
    sys.exit(main())
