"""The command line, also in a process of its own that is killed."""
import json
import os
import signal
import subprocess
import sys
import time
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import cv2
import numpy as np
import pytest
from mmengine.config import Config

import mmxas  # noqa: F401  registers the components
from mmxas.io.images import UnreadableImageError
from mmxas.masks import saliency_weights
from mmxas.registry import DATASETS

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def images(tmp_path):
    """Red discs before green noise, their boxes and masks."""
    rng, boxes = np.random.default_rng(0), {}
    for index in range(6):
        image, mask = rng.integers(0, 60, size=(64, 80, 3), dtype=np.uint8), np.zeros((64, 80), np.uint8)
        image[..., 1] += 120
        cv2.circle(mask, (30 + 2 * index, 32), 14, 255, -1)
        image[mask > 0] = (30, 30, 220)
        for folder, data in (('images', image), ('known', mask)):
            (tmp_path / folder).mkdir(exist_ok=True)
            cv2.imwrite(str(tmp_path / folder / f'{index}.png'), data)
        boxes[f'{index}.png'] = [16 + 2 * index, 18, 45 + 2 * index, 47]
    (tmp_path / 'boxes.json').write_text(json.dumps(boxes))
    return tmp_path


def command(folder, *options):
    return [str(folder / 'images'), '--out', str(folder / 'masks'), '--boxes', str(folder / 'boxes.json'),
            '--segmenter', 'GrabCutSegmenter', *options]


def test_the_default_needs_no_boxes_and_names_images_of_several_parts(load_command, images, capsys):
    several = np.full((64, 80, 3), (60, 150, 60), np.uint8)
    for x in (20, 60):
        cv2.circle(several, (x, 32), 12, (30, 30, 220), -1)
    cv2.imwrite(str(images / 'images/3.png'), several)
    tool = load_command('generate_masks')
    assert tool.main([str(images / 'images'), '--limit', '2', '--compare', str(images / 'known')]) == 0  # 0 and 3
    report = json.loads((images / 'images_masks_report.json').read_text())
    assert report['iou']['0.png'] > 0.9
    assert report['wrong'] == {'3.png': ['several parts']}
    meta = json.loads((images / 'images_masks/meta.json').read_text())
    assert meta['segmenter'] == dict(type='SaliencySegmenter')


def test_without_weights_the_default_is_grabcut(load_command, images, capsys, monkeypatch):
    def absent(name):
        raise PackageNotFoundError(name)

    monkeypatch.setattr(saliency_weights.metadata, 'distribution', absent)
    tool = load_command('generate_masks')
    arguments = [str(images / 'images'), '--out', str(images / 'masks')]
    assert tool.main(arguments) == 2
    captured = capsys.readouterr()
    assert 'GrabCutSegmenter is prompted by boxes; 6 of 6 images have none' in captured.err
    assert tool.main([*arguments, '--boxes', str(images / 'boxes.json'), '--limit', '1']) == 0
    assert json.loads((images / 'masks/meta.json').read_text())['segmenter'] == dict(type='GrabCutSegmenter')


def test_masks_report_sheet_and_overlap(load_command, images, capsys):
    tool = load_command('generate_masks')
    assert tool.main(command(images, '--compare', str(images / 'known'), '--options', 'size=80')) == 0
    captured = capsys.readouterr()
    assert '6 images: 6 masks made, 0 kept, 0 failed, 0 look wrong' in captured.out and '6/6' in captured.err
    report = json.loads((images / 'masks_report.json').read_text())
    assert report['mean_iou'] > 0.95 and len(report['iou']) == 6
    assert cv2.imread(str(images / 'masks_sheet.jpg')).shape[0] > 100
    (images / 'masks/3.png').write_bytes(cv2.imencode('.png', np.zeros((64, 80), np.uint8))[1].tobytes())
    assert tool.main(command(images, '--limit', '2', '--options', 'size=80')) == 0
    assert '2 images: 0 masks made, 2 kept' in capsys.readouterr().out
    assert tool.main(command(images, '--options', 'size=80')) == 0
    assert 'looks wrong: 3.png: empty' in capsys.readouterr().out


def test_masks_lie_beside_the_images_by_default(load_command, images, capsys):
    tool = load_command('generate_masks')
    (images / 'images/0.png').write_bytes(b'none')
    assert tool.main([str(images / 'images'), '--boxes', str(images / 'boxes.json'), '--segmenter', 'GrabCutSegmenter',
                      '--options', 'size=80']) == 1
    assert len(list((images / 'images_masks').glob('*.png'))) == 5
    said = capsys.readouterr().out
    assert 'failed: 0.png' in said and 'copy it again' in said and 'on_error' not in said


def test_no_images_is_no_limit(load_command, images, capsys):
    with pytest.raises(SystemExit):
        load_command('generate_masks').main(command(images, '--limit', '0'))
    assert '--limit: 0 given, 1 or more expected' in capsys.readouterr().err
    assert not (images / 'masks').exists()


def test_mistakes_are_one_line(load_command, images, capsys):
    tool = load_command('generate_masks')
    for options, message in ((['--options', 'size=1'], 'size=1'), (['--options', 'nothing=1'], 'nothing'),
                             (['--segmenter', 'SaliencySegmenter', '--options', 'weights=x.onnx'], 'x.onnx: no such')):
        assert tool.main(command(images, *options)) == 2
        error = capsys.readouterr().err
        assert message in error and len(error.strip().splitlines()) == 1
    assert tool.main([str(images / 'absent'), '--out', str(images / 'masks')]) == 2
    assert 'no such folder' in capsys.readouterr().err
    (images / 'images/0.png').write_bytes(b'')
    assert tool.main(command(images)) == 1
    assert 'failed: 0.png:' in capsys.readouterr().out


@pytest.mark.slow
def test_killed_and_resumed(images, load_command, capsys):
    """600 images take longer than the first mask."""
    boxes = json.loads((images / 'boxes.json').read_text())
    for index in range(600):
        (images / f'images/{index}.png').write_bytes((images / f'images/{index % 6}.png').read_bytes())
    (images / 'boxes.json').write_text(json.dumps({f'{i}.png': boxes[f'{i % 6}.png'] for i in range(600)}))
    process = subprocess.Popen([sys.executable, str(ROOT / 'tools/generate_masks.py'), *command(images)],
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                               env=os.environ | dict(OMP_NUM_THREADS='1', PYTHONPATH=str(ROOT)))
    deadline = time.time() + 300
    while not (images / 'masks/0.png').exists() and time.time() < deadline and process.poll() is None:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    done = sorted((images / 'masks').glob('*.png'))
    assert 1 <= len(done) < 600 and all(cv2.imread(str(path), 0).shape == (64, 80) for path in done)
    kept = [int(path.stem) for path in done]
    for index in set(range(600)) - {*kept[:2], 1, 2}:  # a short rest is enough
        (images / f'images/{index}.png').unlink()
    left = sorted(p.name for p in (images / 'images').iterdir())
    (images / 'boxes.json').write_text(json.dumps({name: boxes[f'{int(Path(name).stem) % 6}.png'] for name in left}))
    assert load_command('generate_masks').main(command(images)) == 0
    assert f'{len(left)} images: {len([n for n in left if int(Path(n).stem) not in kept])} masks made' in \
        capsys.readouterr().out


@pytest.mark.parametrize('out', ['images', 'images/masks', '.', 'linked'])
def test_masks_never_replace_the_images(load_command, images, capsys, out):
    (images / 'linked').symlink_to(images / 'images')
    before = {path: path.read_bytes() for path in images.rglob('*.png')}
    assert load_command('generate_masks').main([str(images / 'images'), '--out', str(images / out), '--overwrite']) == 2
    assert 'overlaps with the folder of the images' in capsys.readouterr().err
    assert {path: path.read_bytes() for path in images.rglob('*.png')} == before


def test_a_sheet_that_was_not_written_is_not_named(load_command, images, capsys):
    for path in (images / 'images').iterdir():
        path.write_bytes(b'none')
    assert load_command('generate_masks').main(command(images)) == 1
    said = capsys.readouterr().out
    assert 'masks_report.json)' in said and '_sheet.jpg' not in said and not (images / 'masks_sheet.jpg').exists()


def test_masks_that_a_config_reads_by_the_boxes_of_its_annotations(load_command, images, capsys):
    """People of MPII: two of one image share its mask; the folders are the config's; then they load."""
    people = [dict(image='0.png', center=[x + 1, 33 - 15 * 0.2], scale=0.2, joints=[[1, 1]] * 16, joints_vis=[1] * 16,
                   headbox=[1, 1, 9, 9]) for x in (20, 60)]
    two = np.full((64, 80, 3), (60, 150, 60), np.uint8)
    for x in (20, 60):
        cv2.circle(two, (x, 32), 12, (30, 30, 220), -1)
    cv2.imwrite(str(images / 'images/0.png'), two)
    (images / 'people.json').write_text(json.dumps(people))
    config = images / 'config.py'
    config.write_text(f"""
custom_imports = dict(imports=['mmxas'], allow_failed_imports=False)
test_dataloader = dict(dataset=dict(type='MPIIPoseDataset', data_root={str(images)!r}, ann_file='people.json',
                                    data_prefix=dict(img='images', mask='made'), with_labels=True, pipeline=[],
                                    skeleton='h36m18'))
""")
    dataset = Config.fromfile(config).test_dataloader.dataset
    with pytest.raises(UnreadableImageError, match='no mask'):
        DATASETS.build(dataset)
    tool = load_command('generate_masks')
    options = ['--config', str(config), '--segmenter', 'GrabCutSegmenter', '--options', 'size=80', '--workers', '1']
    assert tool.main(options) == 0
    assert '1 images: 1 masks made' in capsys.readouterr().out
    mask = cv2.imread(str(images / 'made/0.png'), cv2.IMREAD_GRAYSCALE)
    assert mask[32, 20] == mask[32, 60] == 255 and mask[32, 40] == 0 and len(DATASETS.build(dataset)) == 2
    assert tool.main(options) == 0
    assert '1 images: 0 masks made, 1 kept' in capsys.readouterr().out


@pytest.mark.parametrize(('options', 'message'), [
    ([], 'give a folder, a video file or --config CONFIG, and'),
    (['x', '--config', 'y.py'], 'and only one of them'),
    (['--config', 'y.py', '--out', 'z'], 'do not combine it with --out, --boxes or --compare'),
    (['x', '--workers', '-1'], '-1 given, 0 or more expected'),
])
def test_options_that_do_not_go_together(load_command, capsys, options, message):
    with pytest.raises(SystemExit):
        load_command('generate_masks').main(options)
    assert message in capsys.readouterr().err


def test_an_unknown_segmenter_or_config_is_one_line(load_command, images, capsys):
    tool = load_command('generate_masks')
    assert tool.main([str(images / 'images'), '--segmenter', 'GrabCutSegmentr']) == 2
    assert 'did you mean GrabCutSegmenter?' in capsys.readouterr().err
    assert tool.main(['--config', 'none.py']) == 2
    assert capsys.readouterr().err == 'mmxas masks: none.py: no such config file\n'


def test_two_boxes_of_an_image_are_two_masks_and_two_samples(load_command, images):
    boxes = json.loads((images / 'boxes.json').read_text())
    twins = np.full((64, 80, 3), (60, 150, 60), np.uint8)
    for x in (20, 60):
        cv2.circle(twins, (x, 32), 12, (30, 30, 220), -1)
    cv2.imwrite(str(images / 'images/3.png'), twins)
    boxes['3.png'] = [[6, 18, 35, 47], [46, 18, 75, 47]]
    (images / 'boxes.json').write_text(json.dumps(boxes))
    assert load_command('generate_masks').main(command(images)) == 0
    assert sorted(path.name for path in (images / 'masks').glob('3*')) == ['3.1.png', '3.2.png']
    dataset = DATASETS.build(dict(type='ImageFolderDataset', data_root=str(images / 'images'),
                                  masks=str(images / 'masks'), files=['3.png'], skeleton='h36m18'))
    found = [dataset.get_data_info(i)['bbox'][0] for i in range(len(dataset))]
    np.testing.assert_allclose(found, [[8, 20, 33, 45], [48, 20, 73, 45]], atol=2)
