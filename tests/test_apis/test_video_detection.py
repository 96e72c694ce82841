from itertools import count, islice

import numpy as np
import pytest
from tiny_clips import BrightSegmenter, film, tiny_inferencer

from mmxas.apis.video_detection import VideoDetector, _views, detect_frames
from mmxas.io.clips import number_frames


@pytest.fixture(scope='module')
def inferencer():
    return tiny_inferencer()


def test_frames_of_a_camera_give_records_with_identities(inferencer):
    images = film(20, [dict(), dict(top=40, start=50)])
    found = list(detect_frames(inferencer, images, rate=10, key_every=4))
    assert [record['frame'] for _, record in found] == list(range(20))
    assert [record['time'] for _, record in found[:3]] == [0, 0.1, 0.2]
    for frame, record in found:
        assert [instance['identity'] for instance in record['instances']] == [0, 1]
        assert record['image_size'] == dict(width=96, height=64) and frame.image is images[record['frame']]
    assert [len(record.get('key_boxes', ())) for _, record in found[:6]] == [2, 0, 0, 0, 2, 0]


def test_a_crop_of_a_batch_is_predicted_as_a_photo_with_the_same_box(inferencer):
    images, bare = film(6), tiny_inferencer({'model.test_cfg.flip_test': False})
    found = list(detect_frames(inferencer, images, key_every=1))
    for image, (_, record) in zip(images, found, strict=True):
        (own, ) = record['instances']
        (photo, ) = next(iter(bare(image, bboxes=own['bbox'])))['predictions'][0]['instances']
        assert photo['crop'] == own['crop'] and own['box_source'] == 'found'
        np.testing.assert_allclose(*([pose['keypoints'] for pose in one['hypotheses'][:1]] for one in (own, photo)),
                                   atol=2e-2)


def test_a_stream_that_never_ends_gives_results_while_it_runs(inferencer):
    BrightSegmenter.finds = 0
    endless = (film(1, [dict(start=4 + index % 30)])[0] for index in count())
    records = [record for _, record in islice(detect_frames(inferencer, endless, key_every=5), 12)]
    assert [record['frame'] for record in records] == list(range(12))
    assert BrightSegmenter.finds <= 10  # a thread prepares the next block meanwhile


def test_frames_without_anybody_have_no_instances(inferencer):
    images = film(8, [dict(there=range(4))])
    assert [len(record['instances']) for _, record in detect_frames(inferencer, images, key_every=2)] == \
        [1, 1, 1, 0, 0, 0, 0, 0]


def test_further_views_are_off_unless_wanted_and_stay_as_they_were():
    inferencer = tiny_inferencer({'model.test_cfg.zooms': [1.0, 0.8]})
    bare = tiny_inferencer({'model.test_cfg.flip_test': False})
    plain, every, one = ([record['instances'][0]['hypotheses'][0]['keypoint_scores'] for _, record in
                          detect_frames(model, film(2), key_every=1, all_views=views)]
                         for model, views in ((inferencer, False), (inferencer, True), (bare, True)))
    assert plain == one and plain != every
    assert inferencer.model.test_cfg['zooms'] == [1.0, 0.8] and inferencer.model.test_cfg['flip_test'] is True
    with _views(inferencer, False):
        assert inferencer.model.test_cfg['facings'] == 0


def test_frames_that_change_size_or_are_no_images_are_named(inferencer):
    with pytest.raises(ValueError, match=r'frame 3: an image \(64, 96, 3\) of uint8 expected, found shape \(32, 96, 3'):
        list(detect_frames(inferencer, [*film(3), film(1)[0][:32]]))
    with pytest.raises(ValueError, match=r'frame 0: an image \(h, w, 3\) of uint8 expected'):
        list(detect_frames(inferencer, [np.zeros((4, 5), np.uint8)]))


def test_blocks_begin_at_key_frames(inferencer):
    assert [VideoDetector(inferencer, every).block for every in (1, 5, 15, 16, 40)] == [16, 15, 15, 16, 40]


def test_a_camera_lifts_one_body_and_asks_for_boxes_of_several(inferencer):
    from mmxas.apis.known_camera import KnownCamera
    camera = KnownCamera.from_dict(dict(K=[[100.0, 0, 48], [0, 100, 32], [0, 0, 1]], root_depth=3000.0))
    detector = VideoDetector(inferencer, 2, camera=camera)
    (_, record), *_ = detector.detect(number_frames(film(3), 25))
    assert len(record['instances'][0]['hypotheses'][0]['keypoints_camera_mm']) == 18
    with pytest.raises(ValueError, match='2 bodies found, so the root depth of each is ambiguous'):
        list(VideoDetector(inferencer, 2, camera=camera).detect(
            number_frames(film(3, [dict(), dict(top=40, start=50)]), 25)))
