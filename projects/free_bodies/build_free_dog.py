"""Build the free dog in SMAL's format, and its coat, from the Apache-2.0 dog inside the dm_control wheel.

    pip download --no-deps dm_control==1.0.50 -d wheels
    OMP_NUM_THREADS=1 python projects/free_bodies/build_free_dog.py wheels/dm_control-1.0.50-py3-none-any.whl

The wheel is only read as an archive, never installed or imported. The same wheel and versions of numpy, scipy and
OpenCV give the same bytes. It takes half a minute on one core.
"""
import argparse
import hashlib
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
from body_model_building.archive import save_npz
from dog_building.free_dog import build_dog, model_arrays

INSIDE = 'dm_control/suite/'
FILES = {  # of dm_control 1.0.50
    'dog.xml': 'ef63b1aabd9c318e0f8302995348b2750f21a1e49234beeca27a49d50e54067f',
    'dog_assets/dog_skin.skn': 'a583f47e969a12169917aee69022f5c5e4854c6b2ca5cae3bfee498e7803ab94',
    'dog_assets/skin_texture.png': 'ffcbdd7a3bf9861b05c7f508c9d131eff9c954fc0cf9c09f2d8f60b5950b114b',
}
DEFAULT_OUT = Path(__file__).resolve().parents[1] / 'animal/data'


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('source', type=Path, help='the dm_control wheel, or a folder that it was unpacked into')
    parser.add_argument('--out', type=Path, default=DEFAULT_OUT, help='folder to write to (default: %(default)s)')
    parser.add_argument('--vertices', type=int, default=5000, help='vertices to keep (default: %(default)s); never '
                        '3889, which other software identifies as the official mesh')
    parser.add_argument('--texture-size', type=int, default=512, help='side of the coat in px (default: %(default)s)')
    parser.add_argument('--seed', type=int, default=0, help='seed of the shapes that the joint regressor is fitted to')
    return parser.parse_args()


@contextmanager
def unpacked(source: Path) -> Iterator[Path]:
    """Yield the folder ``dm_control/suite`` of the wheel or of a folder that it was unpacked into."""
    if source.is_dir():
        yield source / INSIDE if (source / INSIDE).is_dir() else source
        return
    with zipfile.ZipFile(source) as wheel, tempfile.TemporaryDirectory() as folder:
        wheel.extractall(folder, [INSIDE + name for name in FILES])
        yield Path(folder) / INSIDE


def check(suite: Path) -> None:
    """Exit at the first file that is missing or differs from dm_control 1.0.50."""
    for name, expected in FILES.items():
        path = suite / name
        if not path.is_file():
            raise SystemExit(f'{path}: no such file; give the dm_control wheel or its unpacked folder')
        found = hashlib.sha256(path.read_bytes()).hexdigest()
        if found != expected:
            raise SystemExit(f'{path}: sha256 {expected} expected (dm_control 1.0.50), {found} found')


def write_coat(source: Path, path: Path, size: int) -> int:
    """Write the coat's texture at another size; return the file's size in bytes."""
    texture = cv2.resize(cv2.imread(str(source)), (size, size), interpolation=cv2.INTER_AREA)
    data = cv2.imencode('.jpg', texture, [cv2.IMWRITE_JPEG_QUALITY, 92])[1].tobytes()
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix('.tmp')
    temporary.write_bytes(data)
    temporary.replace(path)
    return len(data)


def main() -> None:
    """Write the file."""
    args = parse_args()
    with unpacked(args.source) as suite:
        check(suite)
        dog = build_dog(suite, args.vertices)
        print(f'decimated to {len(dog.vertices)} vertices, {len(dog.faces)} faces')
        arrays, figures = model_arrays(dog, args.seed)
        size = save_npz(args.out / 'FREE_DOG.npz', arrays)
        coat = write_coat(suite / 'dog_assets/skin_texture.png', args.out / 'coats/tan.jpg', args.texture_size)
    print(f'{args.out / "FREE_DOG.npz"}: {size / 1024:.0f} KiB,',
          ', '.join(f'{name} {value:.4g}' for name, value in figures.items()))
    print('  betas:', ', '.join(arrays['beta_names']))
    print(f'{args.out / "coats/tan.jpg"}: {coat / 1024:.0f} KiB')


if __name__ == '__main__':
    main()
