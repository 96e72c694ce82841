"""``python tools/compute_mean_pose.py`` is ``mmxas mean-pose``."""
import sys

from mmxas.cli.compute_mean_pose import main

if __name__ == '__main__':
    sys.exit(main())
