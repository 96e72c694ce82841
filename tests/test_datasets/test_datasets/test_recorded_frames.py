import pickle

import numpy as np
import pytest

from mmxas.datasets.datasets import H36MPoseDataset, MPIINF3DHPDataset
from mmxas.datasets.datasets.recorded_frames import (
    EveryNth,
    append_thorax,
    camera_numbers,
    check_arrays,
    choose_frame_sets,
    intrinsics,
    read_cameras,
)

ARRAYS = dict(imgname=np.array(['S9_Walking_1.54138969_000001.jpg'] * 2), center=np.ones((2, 2)), scale=np.ones(2),
              S=np.ones((2, 17, 4)), part=np.ones((2, 17, 3)))


def test_thorax_is_appended():
    points = np.arange(17 * 2, dtype=float).reshape(17, 2)
    assert append_thorax(points)[17].tolist() == [25, 26]


def test_every_nth_frame_counts_each_video_by_itself():
    """The cameras of a recording keep the same frames, whatever the order of the file."""
    is_taken = EveryNth(3)
    videos = ['a', 'a', 'b', 'a', 'b', 'a', 'b', 'b']
    taken = [(video, i) for i, video in enumerate(videos) if is_taken(video)]
    assert taken == [('a', 0), ('b', 2), ('a', 5), ('b', 7)]


def test_random_frames_are_the_same_for_all_cameras_and_in_every_run():
    records = [dict(sequence=sequence, frame=frame, camera_name=camera) for sequence in ('S9_Walking', 'S9_Posing')
               for camera in 'ab' for frame in range(50)]
    kept = list(choose_frame_sets(records, 8))
    assert len(kept) == 2 * 2 * 8
    frames = {(r['sequence'], r['camera_name']): [] for r in kept}
    for record in kept:
        frames[record['sequence'], record['camera_name']].append(record['frame'])
    assert frames['S9_Walking', 'a'] == frames['S9_Walking', 'b'] != frames['S9_Posing', 'a']
    assert frames['S9_Walking', 'a'] != list(range(8))
    alone = [r for r in records if r['sequence'] == 'S9_Posing' and r['camera_name'] == 'b']
    assert [r['frame'] for r in choose_frame_sets(alone, 8)] == frames['S9_Posing', 'b']
    assert list(choose_frame_sets(records, 51)) == records == choose_frame_sets(records, None)


def test_cameras(tmp_path):
    K = intrinsics({'f': np.array([[10], [20]]), 'c': [1, 2]})
    assert K.tolist() == [[10, 0, 1], [0, 20, 2], [0, 0, 1]]
    with pytest.raises(FileNotFoundError, match='cameras.pkl: no such file; expected the cameras'):
        read_cameras(tmp_path / 'cameras.pkl')


@pytest.mark.parametrize('camera, message', [
    (5, 'has no f; .* found 5'), (None, 'has no f; .* found None'), (dict(f=[1, 2]), r"has no c; .* found \['f'\]"),
    (dict(f=3.0, c=[1, 2]), r'f is 3.0, expected numbers of shape \(2,\)'),
    (dict(f='ab', c=[1, 2]), "f is 'ab', expected numbers of")])
def test_cameras_without_numbers_are_named(camera, message):
    with pytest.raises(ValueError, match=f'a.pkl: camera 1: {message}'):
        intrinsics(camera, 'a.pkl: camera 1')


def test_rotations_have_their_shape(tmp_path):
    with pytest.raises(ValueError, match=r'camera: R is .*, expected numbers of shape \(3, 3\)'):
        camera_numbers(dict(R=np.ones(9)), 'R', (3, 3))
    (tmp_path / 'cameras.pkl').write_bytes(pickle.dumps([1]))
    with pytest.raises(ValueError, match='cameras.pkl: a dictionary of arrays expected, list found'):
        read_cameras(tmp_path / 'cameras.pkl')


@pytest.mark.parametrize('change, message', [
    (dict(S=None), "no array 'S', expected numbers of shape .*; it has .*'center'"),
    (dict(S=np.ones((2, 17, 2))), r'S has the shape \(2, 17, 2\), expected \(n, 17 keypoints'),
    (dict(S=np.ones((2, 11, 4))), r'S has the shape \(2, 11, 4\)'),
    (dict(S=np.ones((3, 17, 4))), r'S is float64 of shape \(3, 17, 4\), expected numbers of shape \(2, any, any\)'),
    (dict(part=np.full((2, 17, 3), 'x')), r'part is <U1 of shape \(2, 17, 3\), expected numbers'),
    (dict(imgname=np.array('x.jpg')), r'imgname is <U5 of shape \(\), expected text of shape'),
    (dict(imgname=np.arange(2)), 'imgname is int64 of shape .*, expected text'),
    (dict(center=np.ones(2)), r'center is float64 of shape \(2,\)'), (dict(scale=None), "no array 'scale'"),
    (dict(imgname=np.array(['a.jpg', '../b.jpg'])), "imgname '../b.jpg', expected a file inside the folder"),
    (dict(imgname=np.array(['/a.jpg', 'b.jpg'])), "imgname '/a.jpg', expected a file inside the folder")])
def test_annotations_of_another_form_are_named(tmp_path, change, message):
    arrays = {key: value for key, value in {**ARRAYS, **change}.items() if value is not None}
    with pytest.raises(ValueError, match=f'a.npz: {message}'):
        check_arrays(arrays, 'a.npz', S=3, part=2)
    np.savez(tmp_path / 'a.npz', **arrays)
    for kind in (H36MPoseDataset, MPIINF3DHPDataset):
        with pytest.raises(ValueError, match=f'a.npz: {message}'):
            kind(ann_file='a.npz', data_root=str(tmp_path), with_labels=True, skeleton='h36m18')


def test_whole_annotations_pass():
    check_arrays(ARRAYS, 'a.npz', S=3, part=2)
    check_arrays({key: ARRAYS[key] for key in ('imgname', 'center', 'scale')}, 'a.npz')
