import unicodedata

import pytest

from mmxas.io import image_folders
from mmxas.io.image_folders import find_images, natural_key, same_name


def names(folder, **options):
    return [path.relative_to(folder).as_posix() for path in find_images(folder, **options)]


@pytest.fixture
def folder(tmp_path):
    """Frames, some in a subfolder, with what macOS and others leave beside them."""
    (tmp_path / 'sub').mkdir()
    for name in ('10.jpg', '2.PNG', '1.jpg', '._1.jpg', 'sub/3.tif', 'sub/._3.tif', 'notes.txt'):
        (tmp_path / name).touch()
    return tmp_path


def test_images_come_in_the_order_of_their_numbers(folder):
    assert names(folder) == ['1.jpg', '2.PNG', '10.jpg', 'sub/3.tif']
    assert names(folder, below=False) == ['1.jpg', '2.PNG', '10.jpg']
    assert names(folder, suffixes=('.tif', )) == ['sub/3.tif']


def test_numbers_count_in_every_part_of_a_name():
    given = ['b10/a1', 'b9/a2', 'b9/a10', '7', 'b9/a02', 'b9/a²']
    assert sorted(given, key=natural_key) == ['7', 'b9/a02', 'b9/a2', 'b9/a10', 'b9/a²', 'b10/a1']


def test_heic_photos_are_not_left_out_in_silence(folder, monkeypatch):
    (folder / 'a.HEIC').touch()
    said = []
    monkeypatch.setattr(image_folders, 'print_log', lambda text, *_: said.append(text))
    assert len(names(folder)) == 4
    assert len(said) == 1 and '1 HEIC photos are not read: convert them to .jpg' in said[0]
    for path in [path for path in folder.rglob('*') if path.is_file() and path.suffix != '.HEIC']:
        path.unlink()
    with pytest.raises(FileNotFoundError, match=r'no image in this folder or below it .*; 1 HEIC photos are not read'):
        find_images(folder)


def test_a_folder_of_videos_is_told_what_to_do(tmp_path):
    for name in ('b.MP4', 'a.mts'):
        (tmp_path / name).touch()
    with pytest.raises(FileNotFoundError, match=r'; a video, such as a\.mts, is given by its own path'):
        find_images(tmp_path)


def test_names_of_macos_are_those_of_others():
    assert same_name(unicodedata.normalize('NFD', 'é/ü.jpg')) == same_name('é/ü.jpg') == 'é/ü.jpg'
