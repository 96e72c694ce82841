import importlib.util
import json
import os
from pathlib import Path

import cv2
import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
CONFIG = str(ROOT / 'configs' / 'xas_mocap.py')


@pytest.fixture(scope='module')
def infer():
    spec = importlib.util.spec_from_file_location('tool_infer', ROOT / 'tools' / 'infer.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.main


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
    (tmp_path / 'boxes.json').write_text(json.dumps({'b.png': [[10, 10, 50, 80], [60, 10, 100, 80]]}))
    status = infer([str(photos), CONFIG, 'none', '--out-dir', str(tmp_path / 'out'), '--boxes',
                    str(tmp_path / 'boxes.json'), '--no-pictures'])
    lines = capsys.readouterr().out.splitlines()
    assert status == 0
    assert lines[-1].startswith('3 poses in 2 images, 1 unreadable images skipped; see ')
    assert sorted(os.listdir(tmp_path / 'out' / 'predictions')) == ['a.json', 'b.json']
    assert not (tmp_path / 'out' / 'visualizations').exists()
    record = json.loads((tmp_path / 'out' / 'predictions' / 'b.json').read_text())
    assert [instance['bbox'] for instance in record['instances']] == [[10, 10, 50, 80], [60, 10, 100, 80]]


def test_a_photo_with_box_and_camera(infer, photos, tmp_path):
    status = infer([str(photos / 'a.jpg'), CONFIG, 'none', '--out-dir', str(tmp_path / 'out'),
                    '--bbox', '10', '10', '60', '80', '--intrinsics', '150', '150', '60', '45', '--root-depth', '3000'])
    assert status == 0
    assert cv2.imread(str(tmp_path / 'out' / 'visualizations' / 'a.png')) is not None
    (instance, ) = json.loads((tmp_path / 'out' / 'predictions' / 'a.json').read_text())['instances']
    assert instance['depth_unit'] == 'mm' and instance['box_mm'] == pytest.approx(1.25 * 70 * 3000 / 150)
    assert len(instance['hypotheses'][0]['keypoints_camera_mm']) == 18


@pytest.mark.parametrize(('arguments', 'message'), [
    (['{photos}/cut.png'], 'cut.png: truncated image'),
    (['{photos}/none.png'], 'none.png: no such image or folder'),
    (['{empty}'], 'empty: no image in this folder'),
    (['{photos}', '--bbox', '1', '1', '5', '5'], '--bbox is for a single image'),
    (['{photos}/a.jpg', '--bbox', '5', '5', '1', '1'], 'has no area'),
    (['{photos}/a.jpg', '--root-depth', '3000'], '--intrinsics and --root-depth belong together'),
    (['{photos}', '--boxes', '{photos}/readme.md'], 'readme.md: not a JSON file (Expecting value'),
    (['{photos}/a.jpg', '--device', 'foo'], '--device foo: torch cannot use it here'),
    (['{photos}/a.jpg', '--device', 'cuda:99'], '--device cuda:99: torch cannot use it here'),
    (['{photos}/a.jpg', '--cfg-options', 'model.head.type=MultiHypothesisHed'], 'did you mean MultiHypothesisHead'),
    (['{photos}/a.jpg', '--intrinsics', '0', '0', '9', '9', '--root-depth', '1'], 'camera: K: intrinsics [[fx, 0, cx]'),
])
def test_a_mistake_is_one_line_and_status_1(infer, photos, tmp_path, capsys, arguments, message):
    (tmp_path / 'empty').mkdir()
    first, *rest = (text.format(photos=photos, empty=tmp_path / 'empty') for text in arguments)
    assert infer([first, CONFIG, 'none', '--out-dir', str(tmp_path / 'out'), *rest]) == 1
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith('error: ') and message in error
    assert not (tmp_path / 'out').exists()


def test_missing_config_and_checkpoint_are_named(infer, photos, capsys):
    assert infer([str(photos), 'configs/none.py', 'none']) == 1
    assert 'configs/none.py: no such config file' in capsys.readouterr().err
    assert infer([str(photos), 'mmxas::_base_/default_runtime.py', 'none']) == 1
    assert 'default_runtime.py: no model, from which a detector is built' in capsys.readouterr().err
    with pytest.raises(SystemExit):
        infer([str(photos), CONFIG, 'none', '--cfg-options', 'a.b.c'])
    assert '--cfg-options a.b.c: expected KEY=VALUE' in capsys.readouterr().err
    assert infer([str(photos), CONFIG, 'none.pth']) == 1
    assert 'none.pth: no such checkpoint file' in capsys.readouterr().err
