"""``python tools/dataset_converters/mpi_inf_3dhp.py`` is ``mmxas convert mpi-inf-3dhp``."""
import sys

from mmxas.cli.convert import main_mpi_inf_3dhp as main

if __name__ == '__main__':
    sys.exit(main())
