import json
from dataclasses import replace

import cv2
import numpy as np
import pytest

from mmxas.ops.boxes import mask_box
from mmxas.synthesis.shards import (
    PairReader,
    PairWriter,
    SetMeta,
    SyntheticPair,
    encode,
    export_pairs,
    fingerprint,
    read_meta,
    shard_length,
    shard_path,
)

META = SetMeta(num=5, shard_size=2, seed=0, quality=95, fingerprint='f', generator={})


@pytest.fixture
def pairs(generator):
    return [generator.generate(i) for i in range(5)]


@pytest.fixture
def written(tmp_path, pairs):
    writer = PairWriter(tmp_path / 'set', META)
    for shard in writer.missing():
        writer.write(shard, [encode(pairs[i], 95) for i in META.shard_indices(shard)])
    return tmp_path / 'set'


def test_pairs_come_back(written, pairs):
    reader = PairReader(written)
    assert len(reader) == 5
    for i in (4, 0, -1, 2):
        pair = reader[i]
        for name in ('mask', 'keypoints_cam', 'K', 'bbox', 'pose', 'betas'):
            np.testing.assert_array_equal(getattr(pair, name), getattr(pairs[i], name), err_msg=name)
        assert (pair.clip, pair.frame, pair.yaw, pair.body) == (pairs[i].clip, -1, pairs[i].yaw, 0)
        assert pair.image.shape == (64, 64, 3)
        assert np.abs(pair.image.astype(int) - pairs[i].image).mean() < 5
    with pytest.raises(IndexError, match='pair 5 of 5'):
        reader[5]


def test_annotations_of_the_whole_set(written, pairs):
    annotations = PairReader(written).annotations
    assert annotations['keypoints_cam'].shape == (5, 18, 3) and 'image' not in annotations
    np.testing.assert_array_equal(annotations['bbox'], np.stack([p.bbox for p in pairs]))


def test_memory_holds_few_shards(written):
    reader = PairReader(written, keep=1)
    assert [reader[i].frame for i in (0, 2, 4, 1)] == [-1] * 4 and len(reader._shards) == 1


def test_shards_are_plain_arrays(written):
    with np.load(shard_path(written, 1), allow_pickle=False) as content:
        assert content['image'].dtype == np.uint8 and content['image_offset'].tolist()[0] == 0
        assert len(content['frame']) == 2
    assert sorted(p.name for p in written.iterdir()) == ['meta.json'] + [f'pairs_0000{i}.npz' for i in range(3)]


def test_unfinished_sets_are_refused_and_listed(written):
    shard_path(written, 1).unlink()
    assert PairWriter(written, META).missing() == [1]
    with pytest.raises(FileNotFoundError, match='1 of 3 shards are missing, the first is pairs_00001.npz'):
        PairReader(written)


def test_broken_and_short_shards_are_missing(written):
    path = shard_path(written, 0)
    path.write_bytes(path.read_bytes()[:100])
    assert shard_length(path) == 0 and PairWriter(written, META).missing() == [0]
    assert PairWriter(written, replace(META, num=7)).missing() == [0, 2, 3]


def test_a_truncated_shard_is_named(written):
    file = shard_path(written, 1)
    file.write_bytes(file.read_bytes()[:-200])
    for read in (lambda reader: reader.annotations, lambda reader: reader[2]):
        with pytest.raises(ValueError, match=f'{file.name}: a broken shard'):
            read(PairReader(written))


def test_remains_of_a_killed_run_are_removed(written):
    (written / '.pairs_00001.npz.abc.tmp').write_bytes(b'half')
    PairWriter(written, META).remove_remains()
    assert not list(written.glob('.*'))


def test_another_configuration_is_refused(written):
    with pytest.raises(ValueError, match='fingerprint f, seed 0; expected g, seed 3.*rm -r .*set`, then'):
        PairWriter(written, replace(META, fingerprint='g', seed=3))


def test_a_folder_without_pairs_is_taken_over(tmp_path):
    PairWriter(tmp_path, META)
    other = replace(META, fingerprint='g', num=2)
    assert PairWriter(tmp_path, other).meta == read_meta(tmp_path) == other


def test_a_longer_set_stays(written):
    assert PairWriter(written, replace(META, num=2)).meta.num == 5
    assert len(PairReader(written)) == 5


def test_reader_without_a_set(tmp_path):
    with pytest.raises(FileNotFoundError, match='no rendered pairs here.*`mmxas synthesize CONFIG`'):
        PairReader(tmp_path)
    assert read_meta(tmp_path, missing_ok=True) is None
    (tmp_path / 'meta.json').write_text(json.dumps(dict(something=1)))
    with pytest.raises(ValueError, match='not a description of synthetic pairs'):
        PairReader(tmp_path)


def test_fingerprint_sees_config_seed_and_sizes():
    base = fingerprint(dict(a=1, b=2), 0, 256, 95)
    assert base == fingerprint(dict(b=2, a=1), 0, 256, 95)
    others = {fingerprint(dict(a=1, b=3), 0, 256, 95), fingerprint(dict(a=1, b=2), 1, 256, 95),
              fingerprint(dict(a=1, b=2), 0, 128, 95), fingerprint(dict(a=1, b=2), 0, 256, 90)}
    assert len(others | {base}) == 5


def test_fingerprint_sees_the_contents_of_files_and_not_their_place(tmp_path):
    one, two, moved = tmp_path / 'a', tmp_path / 'b', tmp_path / 'c'
    for path, text in ((one, 'x'), (two, 'y'), (moved, 'x')):
        path.write_text(text)
    prints = [fingerprint({}, 0, 1, 95, [path]) for path in (one, two, moved)]
    assert prints[0] == prints[2] != prints[1] and fingerprint({}, 0, 1, 95) not in prints


def test_fingerprint_knows_versions():
    prints = {fingerprint({}, 0, 1, 95, versions=versions) for versions in (None, dict(Prior=1), dict(Prior=2))}
    assert len(prints) == 3 and fingerprint({}, 0, 1, 95, versions={}) in prints


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
