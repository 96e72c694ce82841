from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mmxas.datasets.datasets.image_checks import check_files, check_masks
from mmxas.datasets.transforms import UnreadableImageError
from mmxas.datasets.transforms.loading import recorded_skips
from mmxas.io.images import image_size


@pytest.fixture
def records(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (30, 50, 3), dtype=np.uint8)
    for name in ('a', 'b', 'c'):
        Image.fromarray(noise).save(tmp_path / f'{name}.jpg')
        Image.new('L', (50, 30)).save(tmp_path / f'{name}.png')
    return [dict(img_path=str(tmp_path / f'{n}.jpg'), mask_path=str(tmp_path / f'{n}.png')) for n in 'abc']


def cut(path):
    data = Path(path).read_bytes()
    Path(path).write_bytes(data[:len(data) // 2])


def test_good_files_pass(records):
    assert check_files(records) == records


def test_bad_files_are_named_or_skipped(records):
    cut(records[1]['img_path'])
    with pytest.raises(UnreadableImageError, match=r"b\.jpg: truncated image.*on_error='skip'"):
        check_files(records)
    assert check_files(records, on_error='skip') == [records[0], records[2]]
    assert len(check_files(records, limit=1)) == 3  # only the first was looked at


def test_missing_and_foreign_files(records, tmp_path):
    records[0]['img_path'] = str(tmp_path / 'absent.jpg')
    with pytest.raises(UnreadableImageError, match='absent.jpg: no such file'):
        check_files(records)
    (tmp_path / 'notes.jpg').write_text('no image at all')
    with pytest.raises(UnreadableImageError, match='notes.jpg: not an image'):
        image_size(tmp_path / 'notes.jpg')


def test_a_mask_of_another_size_always_stops(records, tmp_path):
    Image.new('L', (30, 50)).save(tmp_path / 'c.png')
    with pytest.raises(ValueError, match=r'c\.png: mask of 30 x 50 px, but its image .*c\.jpg has 50 x 30 px'):
        check_files(records, on_error='skip')


def test_every_mask_is_looked_for_and_the_missing_are_counted(tmp_path, caplog):
    """However few files are looked into; images without masks need none."""
    records = [dict(img_path=f'{i}.jpg', mask_path=str(tmp_path / f'{i % 3}/{i}.png')) for i in range(200)]
    records.append(dict(img_path='bare.jpg'))
    for folder in '01':  # the third folder is not there at all
        (tmp_path / folder).mkdir()
    for record in records[:-1]:
        path = Path(record['mask_path'])
        if path.parent.name != '2' and path.stem not in ('0', '90'):
            path.touch()
    with pytest.raises(FileNotFoundError) as caught:
        check_masks(records)
    said = str(caught.value)
    assert said.startswith('68 of 201 masks are missing: ' + ', '.join(
        str(tmp_path / name) for name in ('0/0.png', '2/2.png', '2/5.png')) + ', …. Make them by `mmxas masks')
    assert '`mmxas masks --config CONFIG`' in said and "on_error='skip'" in said
    kept = check_masks(records, 'skip')
    assert len(kept) == 133 and kept[-1] is records[-1] and kept[0] is records[1]
    with recorded_skips() as reasons:
        assert check_masks(records) == kept
    assert len(reasons) == 68 and 'no mask' in reasons[0]
    with pytest.raises(FileNotFoundError, match='68 of 201 masks'):
        check_files(records, limit=1)
