import pytest

from mmxas.io.bodies import body_mask, body_name, image_of, masks_of_images


@pytest.mark.parametrize(('image', 'number', 'body', 'mask'), [
    ('a/b.jpg', 0, 'a/b.jpg', 'a/b.png'), ('a/b.jpg', 12, 'a/b.jpg#12', 'a/b.12.png')])
def test_names(image, number, body, mask):
    assert body_name(image, number) == body and image_of(body) == (image, number)
    assert body_mask('a/b.png', number) == mask


def test_masks_are_sorted_to_images(tmp_path):
    for name in ('a.png', 'a.jpg', 'b.1.png', 'b.2.png', 'c.1.png', 'c.png', 'u\u0308.png'):
        (tmp_path / name).touch()
    found = masks_of_images(tmp_path, {'a', 'b', 'c', 'c.1', '\u00fc'})
    assert {stem: {k: path.name for k, path in of.items()} for stem, of in found.items()} == {
        'a': {0: 'a.png'}, 'b': {1: 'b.1.png', 2: 'b.2.png'}, 'c': {0: 'c.png'}, 'c.1': {0: 'c.1.png'},
        '\u00fc': {0: 'u\u0308.png'}}
    assert masks_of_images(tmp_path / 'absent', {'a'}) == {}
