import cv2
import numpy as np
import pytest

from mmxas.synthesis.pictures import SHIPPED, PictureStore, find_pictures


@pytest.fixture
def folder(tmp_path):
    (tmp_path / 'sub').mkdir()
    for name, value in (('a.png', 10), ('sub/b.JPG', 200)):
        cv2.imwrite(str(tmp_path / name), np.full((20, 30, 3), value, np.uint8))
    (tmp_path / 'sub' / 'note.txt').write_text('no picture')
    return tmp_path


@pytest.mark.parametrize(('name', 'number', 'side', 'limit'), [
    ('backgrounds', 8, 512, 100_000), ('environments', 18, 512, 60_000)])
def test_shipped_pictures_are_small_and_each_has_its_licence(name, number, side, limit):
    pictures = find_pictures(name)
    assert name in SHIPPED and len(pictures) == number
    notice = (pictures[0].parent / 'NOTICE').read_text(encoding='utf-8')
    for path in pictures:
        assert path.name in notice and path.stat().st_size < limit
        assert max(cv2.imread(str(path)).shape) <= side
    assert sum(path.stat().st_size for path in pictures) < 1_000_000


def test_panoramas_are_exposed_for_a_screen():
    """Neither dark nor burnt out, each with light and shade."""
    for path in find_pictures('environments'):
        picture = cv2.imread(str(path))
        assert 100 < picture.mean() < 140 and picture.std() > 20, path.name


def test_folders_are_searched_and_listed_in_their_order(folder):
    assert [path.name for path in find_pictures(str(folder))] == ['a.png', 'b.JPG']
    both = find_pictures(['environments', str(folder / 'sub')])
    assert len(both) == 19 and both[-1].name == 'b.JPG'


def test_wrong_folders_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"'nowhere' does not exist; .*'environments'"):
        find_pictures('nowhere')
    with pytest.raises(FileNotFoundError, match='no image in this folder .* expected .jpg, .jpeg, .png'):
        find_pictures(str(tmp_path))
    for wrong in ([], ['backgrounds', 'backgrounds']):
        with pytest.raises(ValueError, match='at least one folder and no duplicates'):
            find_pictures(wrong)


def test_pictures_are_drawn_and_the_last_ones_kept(folder):
    store = PictureStore(str(folder), keep=1)
    drawn = [int(store.draw(np.random.default_rng(seed))[0, 0, 0]) for seed in range(12)]
    again = [int(store.draw(np.random.default_rng(seed))[0, 0, 0]) for seed in range(12)]
    assert set(drawn) == {10, 200} and drawn == again and len(store._decoded) == 1
    (folder / 'a.png').write_bytes(b'broken')
    with pytest.raises(OSError, match='a.png is not a readable picture'):
        [PictureStore(str(folder)).draw(np.random.default_rng(seed)) for seed in range(12)]
