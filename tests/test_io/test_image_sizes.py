from PIL import Image

from mmxas.io.image_sizes import find_size, image_size
from mmxas.io.images import read_image


def test_size_is_height_and_width(tmp_path):
    Image.new('RGB', (50, 30)).save(tmp_path / 'a.jpg')
    assert image_size(tmp_path / 'a.jpg') == (30, 50)
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned
    Image.new('RGB', (50, 30)).save(tmp_path / 'turned.jpg', exif=exif)
    Image.new('RGB', (50, 30)).save(tmp_path / 'turned.tif', exif=exif)
    for name in ('turned.jpg', 'turned.tif'):  # as Pillow and OpenCV show them
        assert image_size(tmp_path / name) == read_image(tmp_path / name).shape[:2] == (50, 30)


def test_a_size_is_that_of_the_first_whole_file(tmp_path):
    for folder, size in (('cut', (90, 80)), ('one', (5, 4)), ('two', (3, 2))):
        (tmp_path / folder).mkdir()
        Image.effect_noise(size, 90).save(tmp_path / folder / 'a.png')
    (tmp_path / 'cut' / 'a.png').write_bytes((tmp_path / 'cut' / 'a.png').read_bytes()[:60])
    folders = [tmp_path / name for name in ('none', 'cut', 'one', 'two')]
    assert find_size('a.png', folders) == (5, 4) and find_size('b.png', folders) is None
