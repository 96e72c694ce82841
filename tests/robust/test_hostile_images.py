"""Images that announce more than they are, wherever the package reads one."""
import pytest

from mmxas.io.image_folders import IMAGE_SUFFIXES
from mmxas.synthesis.shards import PairReader

from .corpus import images
from .doors import IMAGE_DOORS, read_shard, shard_with_image
from .refusal import REFUSALS, bounded_memory

KIND = 'hostile'
pytestmark = pytest.mark.hostile
HARMLESS = {  # whole images of one colour, or of a size that is allowed
    'png without data'}
# Folders are searched by suffix: a file of another one is never opened, and is no case.
SEARCHED = {'folder': IMAGE_SUFFIXES, 'background': ('.jpg', '.jpeg', '.png'), 'texture': ('.jpg', '.jpeg', '.png')}
CASES = [(door, fault) for door in IMAGE_DOORS for fault, (suffix, _) in images().items()
         if suffix in SEARCHED.get(door, (suffix,))]


@pytest.mark.parametrize(('door', 'fault'), CASES)
def test_an_image(door, fault, tmp_path):
    suffix, data = images()[fault]
    assert len(data) < 70000
    path = tmp_path / f'photo{suffix}'
    path.write_bytes(data)
    with bounded_memory(300):
        try:
            IMAGE_DOORS[door](path)
        except REFUSALS as error:
            assert path.name in str(error)
        else:
            assert fault in HARMLESS or door == 'size', 'taken'


@pytest.mark.parametrize('fault', images())
def test_an_image_in_a_shard(fault, tmp_path):
    shard_with_image(images()[fault][1], tmp_path / 'shard.npz')
    with bounded_memory(300):
        try:
            read_shard(tmp_path / 'shard.npz')
        except REFUSALS as error:
            assert 'shard.npz: image 0' in str(error)
        else:
            assert fault in HARMLESS
    assert PairReader(tmp_path / 'set').meta.num == 1
