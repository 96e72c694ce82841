import json

import cv2
import numpy as np
import pytest

from mmxas.apis.adapt_images import MIN_MOTION, choose_images, find_boxes, gather_images, motion, write_frames
from mmxas.masks.frames import list_frames
from mmxas.masks.mask_folder import MaskReport


def write_video(path, values):
    """Frames of 64 x 48 px, a bright column where each value says."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*'MJPG'), 5, (64, 48))
    for value in values:
        frame = np.full((48, 64, 3), 60, np.uint8)
        frame[:, value:value + 4] = 200
        writer.write(frame)
    writer.release()
    return path


@pytest.fixture
def frames(tmp_path):
    """Eighteen images of noise in a folder and one below it."""
    rng = np.random.default_rng(0)
    for index in range(18):
        path = tmp_path / 'photos' / ('deep' if index % 2 else '.') / f'{index:02d}.png'
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), rng.integers(0, 255, (20, 30, 3), dtype=np.uint8))
    return list_frames(tmp_path / 'photos')


def test_motion_is_the_deviation_where_something_moves():
    noise = np.random.default_rng(0).normal(128, 3, (8, 240, 320, 3)).astype(np.uint8)
    assert motion(noise) < MIN_MOTION / 2  # a resting camera's noise
    moved = noise.copy()
    moved[::2, :40, :40] = 28  # 2 % of the picture, half of the time 100 levels darker
    assert motion(moved) == pytest.approx(50, abs=2)


def test_images_are_spread_and_keep_their_boxes(tmp_path, frames):
    boxes = {'00.png': [1, 2, 3, 4], 'deep/01.png': [5, 6, 7, 8]}
    chosen, known = gather_images(tmp_path / 'photos', 9, boxes)
    assert [frame.name for frame in chosen] == ['00.png', '04.png', '08.png', '12.png', '16.png', 'deep/03.png',
                                                'deep/07.png', 'deep/11.png', 'deep/15.png']
    assert known == {'00.png': [1, 2, 3, 4]}
    nobody = {f'{index:02d}.png': [] for index in (0, 4)}
    chosen, known = gather_images(tmp_path / 'photos', 99, {**nobody, 'deep\\01.png': [5, 6, 7, 8]})
    assert len(chosen) == 16 and not {'00.png', '04.png'} & {frame.name for frame in chosen}
    assert known == {'deep/01.png': [5, 6, 7, 8]}
    with pytest.raises(ValueError, match='15 images, at least 16 expected'):
        gather_images(tmp_path / 'photos', 99, {**nobody, '02.png': []})
    with pytest.raises(ValueError, match=r'00.png#2: box \[30, 6, 37, 8\] lies outside the image of 30 x 20 px'):
        gather_images(tmp_path / 'photos', 99, {'00.png': [[1, 2, 3, 4], [30, 6, 37, 8]]})
    with pytest.raises(ValueError, match="boxes: 'x.png' is not among the 18 images, which are called like '00.png'"):
        gather_images(tmp_path / 'photos', 9, {'x.png': [1, 2, 3, 4]})


def test_a_videos_frames_are_written_once(tmp_path):
    video, folder = write_video(tmp_path / 'clip.avi', range(0, 40, 2)), tmp_path / 'frames'
    of_video, known = gather_images(video, 4, {'clip.avi:5': [1, 2, 3, 4]})
    frames, named = write_frames(of_video, known, folder)
    assert [frame.name for frame in frames] == ['000000.jpg', '000005.jpg', '000010.jpg', '000015.jpg']
    assert named == {'000005.jpg': [1, 2, 3, 4]}
    column = frames[2].load().mean(axis=(0, 2))
    assert column[20:24].min() > 180 and column[:18].max() < 80
    (folder / '000005.jpg').write_bytes((folder / '000010.jpg').read_bytes())
    write_frames(of_video, {}, folder)
    assert (folder / '000005.jpg').read_bytes() == (folder / '000010.jpg').read_bytes()


def test_two_boxes_or_masks_of_an_image_are_two_bodies(tmp_path, frames):
    one, other = [1, 2, 3, 4], [5, 6, 7, 8]
    chosen, known = gather_images(tmp_path / 'photos', 99, {'00.png': [one, other]})
    assert [frame.mask_name for frame in chosen][:3] == ['00.1.png', '00.2.png', '02.png']
    assert known == {'00.png#1': one, '00.png#2': other}
    for name in ('02.1.png', '02.2.png'):
        (tmp_path / 'mine').mkdir(exist_ok=True)
        (tmp_path / 'mine' / name).touch()
    chosen, _ = gather_images(tmp_path / 'photos', 99, masks=str(tmp_path / 'mine'))
    assert [frame.name for frame in chosen][:3] == ['00.png', '02.png#1', '02.png#2']
    video = write_video(tmp_path / 'clip.avi', range(0, 40, 2))
    of_video, known = gather_images(video, 99, {'clip.avi:5': [one, other]})
    written, named = write_frames(of_video, known, tmp_path / 'frames')
    assert len(written) == 21 and written[6].name == '000005.jpg#2' and written[6].mask_name == '000005.2.png'
    assert named == {'000005.jpg#1': one, '000005.jpg#2': other}


def test_too_few_images_and_no_motion_are_refused(tmp_path):
    short, still = write_video(tmp_path / 'short.avi', [1, 2, 3]), write_video(tmp_path / 'still.avi', [7] * 20)
    with pytest.raises(ValueError, match=r'short.avi: 3 images, at least 16 expected: .* add images'):
        gather_images(short, 500)
    with pytest.raises(ValueError, match=r'still.avi: nothing moves in it, .* differ by 0.0 of 255, at least 2 exp'):
        gather_images(still, 500)
    with pytest.raises(FileNotFoundError, match='none: no such folder of images, nor a video file'):
        gather_images(tmp_path / 'none', 500)


def test_boxes_are_found_once_and_known_ones_stay(tmp_path, frames):
    asked = []

    class Finder:
        def find_boxes(self, image):
            asked.append(image.shape)
            return np.array([[1, 2, 9, 9], [3, 3, 4, 4]] if len(asked) < 17 else [], np.float32).reshape(-1, 4)

    frames[3].source.write_bytes(b'')
    boxes = find_boxes(frames, Finder(), {'00.png': [5, 5, 7, 7]}, tmp_path / 'boxes.json')
    assert boxes['00.png'] == [5, 5, 7, 7] and boxes[frames[1].name] == [1, 2, 9, 9]
    assert len(asked) == 16 and len(boxes) == 17 and frames[3].name not in boxes
    assert find_boxes(frames, None, {}, tmp_path / 'boxes.json') == json.loads((tmp_path / 'boxes.json').read_text())


def test_bad_masks_are_left_out_unless_most_are(tmp_path, frames):
    report = MaskReport(wrong={frames[0].name: ['empty']}, failed={frames[1].name: 'truncated'})
    assert choose_images(frames, report, tmp_path / 'sheet.jpg') == frames[2:]
    report.wrong[frames[2].name] = ['tiny', 'several parts']
    with pytest.raises(ValueError, match=r'15 of 18 images have a good mask, at least 16 .*sheet.jpg; give boxes'):
        choose_images(frames, report, tmp_path / 'sheet.jpg')
    report.wrong.update({frame.name: ['tiny'] for frame in frames[3:10]})
    with pytest.raises(ValueError, match=r'10 of 18 masks are bad \(1 empty, 1 failed, 1 several parts, 8 tiny\): look '
                                         r'at .*sheet.jpg; give boxes \(--boxes\), or masks of your own'):
        choose_images(frames, report, tmp_path / 'sheet.jpg')
