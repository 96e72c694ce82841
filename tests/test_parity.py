"""Every parity file has its test; the tests themselves stand with the code that they check."""
from pathlib import Path

import numpy as np

SHIPPED = Path(__file__).parent / 'data' / 'parity'


def test_every_parity_file_is_read_by_a_test(parity_dir: Path) -> None:
    sources = ''.join(path.read_text(encoding='utf-8') for path in Path(__file__).parent.rglob('test_*.py'))
    found = [path.name for path in parity_dir.iterdir() if path.suffix in ('.npz', '.json')]
    assert [name for name in found if f"parity('{name}')" not in sources] == []


def test_the_shipped_parity_files_are_parts_of_the_recorded_ones(parity_dir: Path) -> None:
    """``decode.npz`` is the first keypoint's, ``losses.npz`` the whole file."""
    axes = dict(logits=1, keypoints=2, depth_prob=1, peak_index=1)
    for name in ('decode.npz', 'losses.npz'):
        with np.load(SHIPPED / name) as shipped, np.load(parity_dir / name) as recorded:
            assert set(shipped.files) == set(recorded.files)
            for key in shipped.files:
                part = recorded[key].take([0], axes[key]) if name == 'decode.npz' and key in axes else recorded[key]
                np.testing.assert_array_equal(shipped[key], part)
