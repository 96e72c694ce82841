import shutil

import numpy as np

from mmxas.io.boxes import read_boxes
from mmxas.masks.frames import list_frames
from mmxas.masks.mask_folder import MaskReport
from mmxas.visualization.mask_sheet import choose_frames, mask_sheet


def test_wrong_masks_come_first_and_failed_ones_not_at_all(folder):
    frames = list_frames(folder / 'images')
    report = MaskReport(failed={'a.jpg': 'unreadable'}, wrong={'sub/c.jpg': ['empty']})
    assert [frame.name for frame in choose_frames(frames, report, 8)] == ['sub/c.jpg', 'b.png']
    many = [frames[1]] * 100
    assert len(choose_frames(many, MaskReport(), 10)) == 10


def test_the_sheet_shows_masks_boxes_and_captions(folder):
    shutil.copytree(folder / 'known', folder / 'masks')
    frames, boxes = list_frames(folder / 'images'), read_boxes(folder / 'boxes.json')
    report = MaskReport(wrong={'b.png': ['several parts']}, iou={'a.jpg': 0.5})
    sheet = mask_sheet(frames, folder / 'masks', report, boxes)
    assert sheet.dtype == np.uint8 and sheet.shape[1] > 3 * 160 and sheet.shape[0] > 134
    first = sheet[124:138, 4:164].astype(int)
    assert (first[..., 0] - first[..., 1]).max() > 100, 'the first caption is red'
    assert mask_sheet([], folder / 'masks', MaskReport()) is None
