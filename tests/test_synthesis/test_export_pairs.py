import json

import cv2
import numpy as np
import pytest

from mmxas.ops.boxes import mask_box
from mmxas.synthesis.export_pairs import export_pairs
from mmxas.synthesis.shards import PairReader, PairWriter, SetMeta, SyntheticPair, encode


@pytest.fixture
def shards(tmp_path):
    """Five pairs, the last without a body."""
    rng, pairs = np.random.default_rng(0), []
    for index in range(5):
        mask = np.zeros((24, 24), np.uint8)
        mask[4:12, 6:6 + 2 * index + 2] = 255 if index < 4 else 0
        bbox = mask_box(mask)
        pairs.append(SyntheticPair(
            rng.integers(0, 256, (24, 24, 3), dtype=np.uint8), mask, np.zeros((18, 3), np.float32),
            np.eye(3, dtype=np.float32), np.zeros(4, np.float32) if bbox is None else bbox, 'run', index, 0.0, 0,
            np.zeros((24, 3), np.float32), np.zeros(10, np.float32)))
    writer = PairWriter(tmp_path / 'shards', SetMeta(5, 5, 0, 95, 'test', {}))
    writer.write(0, [encode(pair, 95) for pair in pairs])
    return tmp_path / 'shards'


def test_files_equal_the_pairs(shards, tmp_path):
    assert export_pairs(shards, tmp_path / 'out') == 4
    pairs, boxes = PairReader(shards), json.loads((tmp_path / 'out/boxes.json').read_text())
    assert sorted(boxes) == [f'{i:06d}.png' for i in range(4)] and boxes['000002.png'] == [6, 4, 12, 12]
    assert (cv2.imread(str(tmp_path / 'out/images/000002.png')) == pairs[2].image).all()
    assert (cv2.imread(str(tmp_path / 'out/masks/000002.png'), cv2.IMREAD_UNCHANGED) == pairs[2].mask).all()
    before = {path: path.read_bytes() for path in (tmp_path / 'out').rglob('*.*')}
    assert export_pairs(shards, tmp_path / 'out') == 4
    assert before == {path: path.read_bytes() for path in (tmp_path / 'out').rglob('*.*')}


def test_fewer_and_none(shards, tmp_path):
    assert export_pairs(shards, tmp_path / 'few', num=3) == 2
    assert sorted(path.name for path in (tmp_path / 'few/images').iterdir()) == ['000000.png', '000002.png']
    with pytest.raises(ValueError, match='num=0'):
        export_pairs(shards, tmp_path / 'few', num=0)
    with pytest.raises(FileNotFoundError, match='no rendered pairs here'):
        export_pairs(tmp_path, tmp_path / 'few')
