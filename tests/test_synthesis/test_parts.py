"""Sets rendered in parts: which shards are whose, and folders that become one."""
import hashlib
import shutil

import pytest

from mmxas.synthesis.parts import WHOLE, Part, merge_parts, parse_part
from mmxas.synthesis.shards import PairReader, SetMeta, read_meta
from mmxas.synthesis.synthesize import require_rendered, synthesize

META = SetMeta(num=10, shard_size=2, seed=0, quality=95, fingerprint='f', generator={})


def digests(root):
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(root.iterdir())}


def test_parts_have_every_shard_once():
    assert list(WHOLE.shards(META)) == [0, 1, 2, 3, 4]
    for count in (1, 2, 3, 7):
        shards = [shard for number in range(count) for shard in Part(number + 1, count).shards(META)]
        assert sorted(shards) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize('text', ['0/2', '3/2', '1', '/2', '1/', 'a/b', '-1/2', '1/2/3', '1.0/2', ''])
def test_only_a_number_of_a_count_is_a_part(text):
    assert parse_part('3/16') == Part(3, 16)
    with pytest.raises(ValueError, match='NUMBER/COUNT expected'):
        parse_part(text)


@pytest.fixture
def whole(synthetic_config, tmp_path):
    synthesize(synthetic_config, tmp_path / 'whole', 7, shard_size=2, progress=False)
    return tmp_path / 'whole'


def test_parts_of_one_folder_equal_the_whole(synthetic_config, whole, tmp_path):
    root = tmp_path / 'shared'
    for number in (2, 1):
        with pytest.raises(FileNotFoundError, match='of 4 shards are missing or broken, the first is pairs_00000.npz; '
                                                    'render them by `mmxas synthesize CONFIG`'):
            require_rendered(synthetic_config, root, 7, shard_size=2)
        synthesize(synthetic_config, root, 7, shard_size=2, progress=False, part=Part(number, 2))
    assert digests(root) == digests(whole)
    assert require_rendered(synthetic_config, root, 7, shard_size=2) == read_meta(whole)
    assert require_rendered(synthetic_config, root, 3, shard_size=2).num == 7
    with pytest.raises(ValueError, match='holds pairs of another configuration'):
        require_rendered(synthetic_config | dict(margin=1.5), root, 7, shard_size=2)
    with pytest.raises(FileNotFoundError, match='2 of 5 shards are missing'):
        require_rendered(synthetic_config, root, 9, shard_size=2)


def test_parts_of_several_folders_are_merged_and_equal_the_whole(synthetic_config, whole, tmp_path):
    for number in (1, 2, 3):
        synthesize(synthetic_config, tmp_path / str(number), 7, shard_size=2, progress=False, part=Part(number, 3))
    (tmp_path / '2/pairs_00001.npz').write_bytes(b'copied in half')
    folders = [tmp_path / '1', tmp_path / '2', tmp_path / '3']
    assert merge_parts(folders, tmp_path / 'out') == 3
    with pytest.raises(FileNotFoundError, match='1 of 4 shards are missing or broken, the first is pairs_00001.npz'):
        require_rendered(synthetic_config, tmp_path / 'out', 7, shard_size=2)
    assert merge_parts([whole], tmp_path / 'out') == 1
    assert digests(tmp_path / 'out') == digests(whole) and len(PairReader(tmp_path / 'out')) == 7
    assert merge_parts(folders, tmp_path / '1') == 1 and len(digests(tmp_path / '1')) == 4  # its own stay


def test_what_is_no_part_of_the_same_set_is_refused(synthetic_config, whole, tmp_path):
    synthesize(synthetic_config | dict(margin=1.5), tmp_path / 'other', 7, shard_size=2, progress=False,
               part=Part(1, 4))
    with pytest.raises(ValueError, match='other: holds pairs of another configuration.*Nothing was merged'):
        merge_parts([whole, tmp_path / 'other'], tmp_path / 'out')
    with pytest.raises(FileNotFoundError, match='no rendered pairs here'):
        merge_parts([tmp_path / 'none'], tmp_path / 'out')
    assert not (tmp_path / 'out').exists()


def test_a_longer_part_extends_the_set(synthetic_config, whole, tmp_path):
    shutil.copytree(whole, tmp_path / 'long')
    synthesize(synthetic_config, tmp_path / 'long', 9, shard_size=2, progress=False)
    assert merge_parts([tmp_path / 'long'], whole) == 2  # the last shard had one pair, and has two
    assert digests(whole) == digests(tmp_path / 'long')
    assert len(PairReader(whole)) == 9
