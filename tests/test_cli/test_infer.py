import json
import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from test_runs.tiny_mocap import tiny_config, write_config
from tiny_clips import clip_config, film, write_clip
from tiny_command import write_command
from tiny_poses import picture_of, poses_of
from tiny_zoo import with_segmenter, write_zoo

from mmxas.apis import XASInferencer
from mmxas.apis.publishing import publish
from mmxas.io import shipped_files

ROOT = Path(__file__).parents[2]
CONFIG = str(ROOT / 'configs' / 'xas_mocap.py')


@pytest.fixture
def infer(load_command):
    return load_command('infer').main


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / 'photos'
    folder.mkdir()
    pixels = np.random.default_rng(0).integers(0, 255, (90, 120, 3), dtype=np.uint8)
    for name in ('a.jpg', 'b.png', 'cut.png'):
        cv2.imwrite(str(folder / name), pixels)
    (folder / 'cut.png').write_bytes((folder / 'cut.png').read_bytes()[:3000])
    (folder / 'readme.md').write_text('not an image')
    return folder


def test_a_folder_is_worked_through(infer, photos, tmp_path, capsys):
    boxes = {'C:\\photos\\b.png': [[10, 10, 50, 80], [60, 10, 100, 80]], 'a.jpg': []}
    (tmp_path / 'boxes.json').write_text(json.dumps(boxes))
    status = infer([str(photos), CONFIG, 'none', '--out-dir', str(tmp_path / 'out'), '--boxes',
                    str(tmp_path / 'boxes.json'), '--no-pictures'])
    lines = capsys.readouterr().out.splitlines()
    assert status == 0
    assert lines[-1].startswith('2 poses in 2 images, 1 unreadable image skipped; see ')
    assert sorted(os.listdir(tmp_path / 'out' / 'predictions')) == ['a.json', 'b.json']
    assert not (tmp_path / 'out' / 'visualizations').exists()
    record = json.loads((tmp_path / 'out' / 'predictions' / 'b.json').read_text())
    assert [instance['bbox'] for instance in record['instances']] == [[10, 10, 50, 80], [60, 10, 100, 80]]
    assert json.loads((tmp_path / 'out' / 'predictions' / 'a.json').read_text())['instances'] == []


def test_a_photo_with_box_and_camera(infer, photos, tmp_path):
    status = infer([str(photos / 'a.jpg'), CONFIG, 'none', '--out-dir', str(tmp_path / 'out'),
                    '--bbox', '10', '10', '60', '80', '--intrinsics', '150', '150', '60', '45', '--root-depth', '3000'])
    assert status == 0
    assert cv2.imread(str(tmp_path / 'out' / 'visualizations' / 'a.png')) is not None
    (instance, ) = json.loads((tmp_path / 'out' / 'predictions' / 'a.json').read_text())['instances']
    assert instance['depth_unit'] == 'mm' and instance['rect_3d_width'] == pytest.approx(1.25 * 70 * 3000 / 150)
    assert len(instance['hypotheses'][0]['keypoints_camera_mm']) == 18


@pytest.mark.parametrize(('arguments', 'message'), [
    (['{photos}/cut.png'], 'cut.png: truncated image'),
    (['{photos}/none.png'], 'none.png: no such image, video or folder'),
    (['{empty}'], 'empty: no image in this folder'),
    (['{photos}', '--bbox', '1', '1', '5', '5'], '--bbox is for a single image'),
    (['{photos}/*.gif', '--video'], '*.gif: no image matches; expected a video, a folder of frames, or a pattern'),
    (['{photos}', '--video'], 'cut.png: truncated image'),
    (['{photos}', '--smooth', '--all-views'],
     'mmxas infer: --all-views, --smooth: for videos; --video makes one of a folder of images'),
    (['{photos}', '--video', '--key-every', '0'], 'mmxas infer: --key-every 0: expected 1 or more'),
    (['{photos}', '--video', '--fps', '0'], 'mmxas infer: --fps 0: expected more than 0 and less than 10000'),
    (['{photos}', '--out-dir', '{photos}/a.jpg/x'], 'a.jpg: cannot write into this place of the output folder'),
    (['{photos}', '--boxes', '{other}'], "other.json: 'z.jpg' is not among the 3 images"),
    (['{photos}/*.jpg', '--video', '--boxes', '{other}'], "other.json: 'z.jpg' is not among the 1 images"),
    (['{photos}/a.jpg', '--bbox', '5', '5', '1', '1'], 'has no area'),
    (['{photos}/a.jpg', '--root-depth', '3000'], '--intrinsics and --root-depth belong together'),
    (['{photos}', '--boxes', '{photos}/readme.md'], 'readme.md: not a JSON file (JSONDecodeError: Expecting value'),
    (['{photos}/a.jpg', '--species', 'human'], 'give CONFIG and CHECKPOINT (none for untrained weights), or --species'),
    (['{photos}/a.jpg', '--device', 'foo'], '--device foo: torch cannot use it here'),
    (['{photos}/a.jpg', '--device', 'cuda:99'], '--device cuda:99: torch cannot use it here'),
    (['{photos}/a.jpg', '--cfg-options', 'model.head.type=MultiHypothesisHed'], 'did you mean MultiHypothesisHead'),
    (['{photos}/a.jpg', '--intrinsics', '0', '0', '9', '9', '--root-depth', '1'], 'camera: K: intrinsics [[fx, 0, cx]'),
])
def test_a_mistake_is_one_line_and_status_2(infer, photos, tmp_path, capsys, arguments, message):
    (tmp_path / 'empty').mkdir()
    (other := tmp_path / 'other.json').write_text('{"z.jpg": [1, 1, 5, 5]}')
    first, *rest = (text.format(photos=photos, empty=tmp_path / 'empty', other=other) for text in arguments)
    assert infer([first, CONFIG, 'none', '--out-dir', str(tmp_path / 'out'), *rest]) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith('mmxas infer: ') and message in error
    assert not (tmp_path / 'out').exists()


def test_missing_config_and_checkpoint_are_named(infer, photos, capsys):
    assert infer([str(photos), 'configs/none.py', 'none']) == 2
    assert 'configs/none.py: no such config file' in capsys.readouterr().err
    assert infer([str(photos), 'mmxas::_base_/default_runtime.py', 'none']) == 2
    assert 'default_runtime.py: no model, from which a detector is built' in capsys.readouterr().err
    with pytest.raises(SystemExit):
        infer([str(photos), CONFIG, 'none', '--cfg-options', 'a.b.c'])
    assert '--cfg-options a.b.c: expected KEY=VALUE' in capsys.readouterr().err
    assert infer([str(photos), CONFIG, 'none.pth']) == 2
    assert 'none.pth: no such checkpoint file' in capsys.readouterr().err


@pytest.fixture
def small_zoo(tmp_path, monkeypatch):
    """A zoo of which the first model has weights, by the name small; its segmenter finds one box."""
    root = write_zoo(tmp_path / 'root')
    config = Config.fromfile(root / 'configs' / 'config.py')
    torch.save(XASInferencer(config, device='cpu').model.state_dict(), tmp_path / 'a.pth')
    monkeypatch.setattr(shipped_files, 'PACKAGE_ROOT', root / 'mmxas')
    publish(tmp_path / 'a.pth', config, 'small')
    monkeypatch.chdir(tmp_path)
    return root


def test_a_species_is_enough(infer, photos, small_zoo, capsys):
    assert infer([str(photos / 'a.jpg'), '--species', 'small']) == 0
    folder = Path('work_dirs/inference/small')
    assert capsys.readouterr().out.splitlines()[-1] == (
        f'1 pose in 1 image; see {folder}/visualizations/a.png and {folder}/predictions/a.json')
    (instance, ) = json.loads((folder / 'predictions' / 'a.json').read_text())['instances']
    assert instance['bbox'] == [10, 10, 60, 80]
    assert (folder / 'visualizations' / 'a.png').is_file()


def test_without_a_species_it_is_the_default_and_the_known_ones_are_named(infer, photos, small_zoo, capsys):
    assert infer([str(photos / 'a.jpg')]) == 2
    assert "'human': no model of this name. With weights: small; docs/models.md" in capsys.readouterr().err
    assert infer([str(photos / 'a.jpg'), '--species', 'other']) == 2
    assert 'other: no weights come with mmxas for this model' in capsys.readouterr().err
    assert infer([str(photos / 'a.jpg'), CONFIG]) == 2
    assert 'give CONFIG and CHECKPOINT' in capsys.readouterr().err
    assert not Path('work_dirs').exists()


def test_nobody_in_a_photo_is_status_1_and_in_a_folder_a_number(infer, photos, tmp_path, capsys):
    config = write_config(with_segmenter(tiny_config(tmp_path), []), tmp_path)
    out = tmp_path / 'out'
    assert infer([str(photos / 'a.jpg'), str(config), 'none', '--out-dir', str(out)]) == 1
    assert capsys.readouterr().err.splitlines()[-1] == (
        f'mmxas infer: nobody found in {photos}/a.jpg: give a box (--bbox X0 Y0 X1 Y1); see '
        f'{out}/visualizations/a.png and {out}/predictions/a.json')
    assert json.loads((out / 'predictions' / 'a.json').read_text())['instances'] == []
    assert cv2.imread(str(out / 'visualizations' / 'a.png')).shape == (90, 120, 3)
    assert infer([str(photos), str(config), 'none', '--out-dir', str(out), '--no-pictures']) == 0
    assert capsys.readouterr().out.splitlines()[-1] == (
        f'0 poses in 2 images, nobody found in 2, 1 unreadable image skipped; see {out}/predictions')


def test_several_people_and_one_root_depth_ask_for_boxes(infer, photos, tmp_path, capsys):
    config = write_config(with_segmenter(tiny_config(tmp_path), [[0, 0, 50, 80], [60, 0, 120, 80]]), tmp_path)
    camera = ['--intrinsics', '150', '150', '60', '45', '--root-depth', '3000']
    assert infer([str(photos / 'a.jpg'), str(config), 'none', '--out-dir', str(tmp_path / 'out'), *camera]) == 2
    assert 'a.jpg: 2 bodies found, so the root depth of each is ambiguous' in capsys.readouterr().err
    assert not (tmp_path / 'out').exists()


def test_it_says_where_a_box_is_from(infer, photos, tmp_path, capsys):
    found = write_config(with_segmenter(tiny_config(tmp_path), [[10, 10, 60, 80]]), tmp_path / 'found')
    whole = write_config(with_segmenter(tiny_config(tmp_path), None), tmp_path / 'whole')
    for config, options, source, said in (
            (found, [], 'found', 'a.jpg: 1 pose, found automatically'),
            (whole, [], 'image', 'a.jpg: 1 pose, of the whole image: no box was given or found'),
            (whole, ['--bbox', '10', '10', '60', '80'], 'given', 'a.jpg: 1 pose')):
        assert infer([str(photos / 'a.jpg'), str(config), 'none', '--out-dir', str(tmp_path / 'out'), '--no-pictures',
                      *options]) == 0
        lines = capsys.readouterr().out.splitlines()
        assert lines[0].endswith(said) and any('give your own with --bbox' in x for x in lines) == (source == 'found')
        record = json.loads((tmp_path / 'out/predictions/a.json').read_text())
        assert record['instances'][0]['box_source'] == source and record['run'].endswith('+00:00')


@pytest.fixture
def clip_detector(tmp_path):
    """A config and its untrained weights, of which each run has the same."""
    config = write_config(clip_config(tmp_path), tmp_path / 'detector')
    torch.manual_seed(0)
    torch.save(XASInferencer(str(config), device='cpu').model.state_dict(), tmp_path / 'detector' / 'a.pth')
    return [str(config), str(tmp_path / 'detector' / 'a.pth')]


def test_a_video_has_lines_tables_and_an_overlay_and_goes_on(infer, clip_detector, tmp_path, capsys):
    clip = write_clip(tmp_path / 'clip.mp4', film(20, [dict(there=range(16))]))
    out = tmp_path / 'out'
    command = [str(clip), *clip_detector, '--out-dir', str(out), '--key-every', '5']
    assert infer(command) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert last == (f'16 poses of 1 identity in 20 frames, nobody found in 4; see {out}: poses_2d.h5, poses_2d.csv, '
                    'poses_3d.h5, poses_3d.csv, poses.npz, overlay.mp4, predictions.jsonl')
    assert infer([*command, '--smooth', '--no-pictures']) == 0
    assert '20 frames were there from an earlier run' in capsys.readouterr().out
    assert infer([*command[:-1], '4']) == 2
    assert 'with different key_every (5 there, 4 now); choose another folder' in capsys.readouterr().err
    assert infer([*command[:-1], '4', '--overwrite', '--no-pictures']) == 0
    assert not (out / 'overlay.mp4').exists()


@pytest.mark.parametrize(('option', 'status'), [
    ('facings=8', 2), ('zooms.0=0.7', 2), ('zooms=[1.0,0.8]', 2), ('flip_test=True', 2), ('flip_test=False', 0)])
def test_a_video_refuses_views_that_it_does_not_use(infer, clip_detector, tmp_path, capsys, option, status):
    command = [str(write_clip(tmp_path / 'clip.mp4', film(3))), *clip_detector, '--no-pictures', '--cfg-options',
               f'model.test_cfg.{option}', '--out-dir']
    assert infer([*command, str(tmp_path / 'out')]) == status
    key = option.split('=')[0]
    said = f'--cfg-options model.test_cfg.{key}: a video uses one view and no search for the facing; --all-views'
    assert (said in capsys.readouterr().err) == (status == 2)
    if key == 'flip_test':  # accepted with all views, and in photos
        assert infer([*command, str(tmp_path / 'all'), '--all-views']) == 0
        cv2.imwrite(str(tmp_path / 'a.png'), film(1)[0])
        assert infer([str(tmp_path / 'a.png'), *command[1:], str(tmp_path / 'photo')]) == 0


def test_a_folder_or_pattern_of_frames_is_a_video_if_wanted(infer, clip_detector, tmp_path, capsys, monkeypatch):
    (tmp_path / 'frames').mkdir()
    for index, image in enumerate(film(6)):
        cv2.imwrite(str(tmp_path / 'frames' / f'{index}.png'), image)
    monkeypatch.chdir(tmp_path)
    for source, name in (('frames', 'frames'), ('frames/*.png', 'frames')):
        assert infer([source, *clip_detector, '--video', '--fps', '10', '--overwrite', '--no-pictures']) == 0
        lines = Path(f'work_dirs/config/inference/{name}/predictions.jsonl').read_text().splitlines()
        assert [json.loads(line)['time'] for line in lines] == [0, 0.1, 0.2, 0.3, 0.4, 0.5]
        assert json.loads(lines[3])['image'] == '3.png'


def test_a_folder_of_videos_has_a_folder_of_results_for_each(infer, clip_detector, tmp_path, capsys):
    folder, out = tmp_path / 'clips', tmp_path / 'out'
    folder.mkdir()
    write_clip(folder / 'b10.mp4', film(4))
    write_clip(folder / 'b9.mp4', film(3))
    command = [str(folder), *clip_detector, '--out-dir', str(out), '--no-pictures']
    assert infer(command) == 0
    summaries = [line for line in capsys.readouterr().out.splitlines() if ' poses of ' in line]
    assert [line.split('; see ')[0] for line in summaries] == ['3 poses of 1 identity in 3 frames',
                                                               '4 poses of 1 identity in 4 frames']
    assert sorted(path.parent.name for path in out.glob('*/predictions.jsonl')) == ['b10', 'b9']
    (tmp_path / 'boxes.json').write_text(json.dumps({'b9.mp4:0': []}))
    assert infer([*command, '--boxes', str(tmp_path / 'boxes.json')]) == 2
    assert f'--boxes is for a single video, and {folder} has 2' in capsys.readouterr().err
    (folder / 'a.mp4').write_bytes((folder / 'b9.mp4').read_bytes()[:300])
    write_clip(folder / 'b10.mov', film(2))
    (folder / 'd.mp4').mkdir()
    assert infer([*command, '--out-dir', str(tmp_path / 'other')]) == 1
    assert f'mmxas infer: skipped: {folder}/a.mp4' in capsys.readouterr().err
    assert sorted(path.parent.name for path in tmp_path.glob('other/*/poses.npz')) == ['b10.mov', 'b10.mp4', 'b9']
    cv2.imwrite(str(folder / 'photo.png'), film(1)[0])
    assert infer(command) == 0
    assert '1 pose in 1 image' in capsys.readouterr().out


def test_nobody_in_a_video_is_status_1(infer, clip_detector, tmp_path, capsys):
    clip = write_clip(tmp_path / 'clip.mp4', film(5, []))
    assert infer([str(clip), *clip_detector, '--out-dir', str(tmp_path / 'out')]) == 1
    assert capsys.readouterr().err.splitlines()[-1] == (
        f'mmxas infer: nobody found in the 5 frames of {clip}: give boxes (--boxes FILE.json); see '
        f'{tmp_path}/out/predictions.jsonl')


@pytest.mark.parametrize('arguments', [
    ['gone.jpg'], ['.', '--bbox', '1', '1', '5', '5'], ['.', '--root-depth', '3000'], ['.', 'config.py']])
def test_a_mistake_is_told_before_anything_heavy_is_imported(tmp_path, arguments):
    command = write_command(tmp_path, "print([name for name in ('torch', 'numpy', 'mmengine') if name in sys.modules])")
    done = subprocess.run([sys.executable, command, 'infer', *arguments], cwd=tmp_path, capture_output=True, text=True,
                          env=os.environ | dict(PYTHONPATH=str(ROOT)))
    assert (done.returncode, done.stdout) == (2, '[]\n')
    assert done.stderr.startswith('mmxas infer: ') and done.stderr.count('\n') == 1


def test_html_shows_the_photos_of_this_run(infer, photos, small_zoo, capsys):
    assert infer([str(photos / 'b.png'), '--species', 'small', '--no-pictures']) == 0
    assert infer([str(photos / 'a.jpg'), '--species', 'small', '--no-pictures', '--html']) == 0
    page = Path('work_dirs/inference/small/poses.html')
    assert capsys.readouterr().out.splitlines()[-2].startswith(f'{page}: ')
    frame, = poses_of(page)['frames']
    assert frame['name'] == 'a.jpg' and picture_of(frame).shape == (90, 120, 3)
    assert frame['instances'][0]['box'] == [10, 10, 60, 80]
