import os

import cv2
import numpy as np
import pytest
import torch

from mmxas.registry import HOOKS
from mmxas.visualization.visualization_hook import whole_image


class _Evaluator:
    dataset_meta = dict(dataset_name='fake')


class _Runner:
    iter, timestamp = 40, 'now'
    val_evaluator = test_evaluator = _Evaluator()

    def __init__(self, work_dir):
        self.work_dir = str(work_dir)


@pytest.fixture
def drawn(monkeypatch):
    """What was handed to the visualizer, in the place of drawing it."""
    calls = []

    class _Recorder:
        def set_dataset_meta(self, meta):
            calls.append(dict(meta=meta))

        def add_datasample(self, name, image, **kwargs):
            calls[-1].update(name=name, shape=image.shape, **kwargs)
    monkeypatch.setattr(_Runner, 'visualizer', _Recorder(), raising=False)
    return calls


@pytest.fixture
def sample(tmp_path, make_sample, photo):
    path = str(tmp_path / 'person.png')
    cv2.imwrite(path, photo[..., ::-1])
    made = make_sample()
    made.set_metainfo(dict(img_path=path))
    return made


CROPS = torch.zeros(2, 3, 8, 8, dtype=torch.uint8)


def test_a_validation_draws_the_first_sample_of_its_first_batches(tmp_path, sample, drawn, photo):
    hook = HOOKS.build(dict(type='XASVisualizationHook', val_pictures=2))
    for batch in range(4):
        hook.after_val_iter(_Runner(tmp_path), batch, dict(inputs=CROPS), [sample, sample])
    assert [(call['name'], call['step']) for call in drawn] == [('val_0', 40), ('val_1', 40)]
    assert drawn[0]['draw_gt'] and drawn[0]['shape'] == photo.shape
    assert drawn[0]['meta'] is _Evaluator.dataset_meta


def test_a_test_draws_only_where_it_is_asked_to(tmp_path, sample, drawn):
    hook = HOOKS.build(dict(type='XASVisualizationHook'))
    hook.after_test_iter(_Runner(tmp_path), 0, dict(inputs=CROPS), [sample, sample])
    assert drawn == []
    hook = HOOKS.build(dict(type='XASVisualizationHook', out_dir='shown', interval=3))
    hook.before_test_epoch(_Runner(tmp_path))
    for batch in range(2):
        hook.after_test_iter(_Runner(tmp_path), batch, dict(inputs=CROPS), [sample, sample])
    assert [os.path.relpath(call['out_file'], tmp_path) for call in drawn] == [
        'now/shown/000000_person.png', 'now/shown/000003_person.png']


def test_it_can_be_switched_off_and_refuses_nonsense(tmp_path, sample, drawn):
    hook = HOOKS.build(dict(type='XASVisualizationHook', enable=False, out_dir='shown'))
    hook.after_val_iter(_Runner(tmp_path), 0, dict(inputs=CROPS), [sample])
    hook.after_test_iter(_Runner(tmp_path), 0, dict(inputs=CROPS), [sample, sample])
    HOOKS.build(dict(type='XASVisualizationHook')).after_val_iter(_Runner(tmp_path), 0, {}, [dict(error=1.0)])
    assert drawn == []
    with pytest.raises(ValueError, match='interval: 1 or more expected, found 0'):
        HOOKS.build(dict(type='XASVisualizationHook', interval=0))


def test_an_image_without_a_file_is_put_together_from_its_crop(make_sample):
    sample = make_sample()
    sample.set_metainfo(dict(img_path=None, warp_mat=np.array([[0.5, 0, -10], [0, 0.5, -20]])))
    crop = torch.zeros(3, 128, 128, dtype=torch.uint8)
    crop[2, 40, 30] = 200   # red in BGR, at image px (80, 120)
    image = whole_image(sample, crop)
    assert image.shape == (260, 300, 3)
    assert image[120, 80].tolist() == [200, 0, 0]
    assert not image[:30].any()
