import numpy as np
import pytest

from mmxas.datasets.converters.sequences import Recording, convert_sequences, frame_arrays, read_part


def job(root, name, made, fails=None):
    """A sequence of one image, which counts how often it is made."""

    def make():
        made.append(name)
        if fails:
            raise fails
        (root / f'{name}.jpg').write_bytes(b'x')
        return {'imgname': np.array([f'{name}.jpg']), 'S': np.zeros((1, 2))}

    return Recording(name, make)


def outputs(root):
    return lambda name: [root / name]


def test_what_is_done_is_not_made_again(tmp_path):
    made = []
    jobs = [job(tmp_path, name, made) for name in 'ab']
    arrays = convert_sequences(jobs, tmp_path / 'parts', outputs(tmp_path))
    assert arrays['imgname'].tolist() == ['a.jpg', 'b.jpg'] and arrays['S'].shape == (2, 2)
    convert_sequences(jobs, tmp_path / 'parts', outputs(tmp_path))
    assert made == ['a', 'b']
    (tmp_path / 'b.jpg').unlink()
    assert read_part(tmp_path / 'parts' / 'b.npz', outputs(tmp_path)) is None
    convert_sequences(jobs, tmp_path / 'parts', outputs(tmp_path))
    assert made == ['a', 'b', 'b']


def test_missing_files_stop_or_are_left_out(tmp_path):
    jobs = [job(tmp_path, 'a', [], FileNotFoundError('a.cdf: no such file')), job(tmp_path, 'b', [])]
    with pytest.raises(FileNotFoundError, match='a.cdf'):
        convert_sequences(jobs, tmp_path / 'parts', outputs(tmp_path))
    arrays = convert_sequences(jobs, tmp_path / 'parts', outputs(tmp_path), on_error='skip')
    assert arrays['imgname'].tolist() == ['b.jpg']
    with pytest.raises(ValueError, match='none of 1 videos could be converted'):
        convert_sequences(jobs[:1], tmp_path / 'parts', outputs(tmp_path), on_error='skip')
    with pytest.raises(ValueError, match="on_error='ignore'"):
        convert_sequences(jobs, tmp_path / 'parts', outputs(tmp_path), on_error='ignore')
    wrong = [job(tmp_path, 'c', [], ValueError('another number of keypoints'))]
    with pytest.raises(ValueError, match='another number'):
        convert_sequences(wrong, tmp_path / 'parts', outputs(tmp_path), on_error='skip')


def test_an_unreadable_part_is_made_again(tmp_path):
    made = []
    jobs = [job(tmp_path, name, made) for name in 'abc']
    convert_sequences(jobs, tmp_path / 'parts', outputs(tmp_path))
    whole = (tmp_path / 'parts' / 'a.npz').read_bytes()
    (tmp_path / 'parts' / 'a.npz').write_bytes(whole[:len(whole) // 2])
    np.savez(tmp_path / 'parts' / 'b.npz', other=np.zeros(1))
    (tmp_path / 'parts' / 'c.npz').write_bytes(b'')
    arrays = convert_sequences(jobs, tmp_path / 'parts', outputs(tmp_path))
    assert arrays['imgname'].tolist() == ['a.jpg', 'b.jpg', 'c.jpg'] and made == list('abcabc')
    assert (tmp_path / 'parts' / 'a.npz').read_bytes() == whole


def test_parts_of_earlier_runs_are_joined_in_order(tmp_path):
    made = []
    jobs = [job(tmp_path, name, made) for name in 'abcd']
    convert_sequences(jobs, tmp_path / 'parts', outputs(tmp_path))
    (tmp_path / 'parts' / 'a.npz').write_bytes(b'broken')
    arrays = convert_sequences(jobs[2:3], tmp_path / 'parts', outputs(tmp_path), split=['a', 'b', 'c', 'never'])
    assert arrays['imgname'].tolist() == ['b.jpg', 'c.jpg'] and made == list('abcd')


def test_boxes_and_visibility():
    pixels = np.array([[[10.0, 20.0], [110.0, 60.0], [-5.0, 30.0]]])
    arrays = frame_arrays(['x.jpg'], pixels, np.full((1, 3, 3), 1500.0), (100, 100))
    assert arrays['part'][0, :, 2].tolist() == [1, 0, 0]
    assert np.allclose(arrays['center'], [[52.5, 40.0]])
    assert arrays['scale'][0] == pytest.approx(1.2 * 115 / 200)
    assert np.allclose(arrays['S'][0, :, :3], 1.5) and arrays['S'].shape == (1, 3, 4)
