"""The tutorials of docs/tutorials, the loss of docs/extending.md, and the commands of README."""
import json
import re

import pytest

from .pages import BLOCK, ROOT, run_blocks, run_shell, section

pytestmark = [pytest.mark.tutorial, pytest.mark.timeout(3600)]


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding='utf-8')


def test_a_photo(folder):
    run_blocks(read('docs/tutorials/photo.md'), folder)
    record = json.loads((folder / 'out/predictions/photo.json').read_text())
    body, = record['instances']
    assert len(body['hypotheses']) == 3 and body['box_source'] == 'found'
    assert (folder / 'out/visualizations/photo.png').stat().st_size > 50_000
    assert '<canvas' in (folder / 'poses.html').read_text(encoding='utf-8')


def test_a_video_of_an_animal(folder):
    printed = run_blocks(read('docs/tutorials/animal_video.md'), folder, seconds=3000)
    report = json.loads((folder / 'work_dirs/adapt/clip/report.json').read_text())
    assert report['iterations'] == 20 and report['images'] >= 16
    before, after = (report[when]['mask_iou'] for when in ('before', 'after'))
    assert before > 0.3 and abs(after - before) < 0.1  # the clip is a rendering, so little changes
    assert report['improved'] == (after > before)
    assert 'mask IoU, higher is better' in printed
    assert len((folder / 'out/predictions.jsonl').read_text().splitlines()) == 32
    assert (folder / 'out/poses.html').stat().st_size > 600_000


def test_a_loss_in_a_project_of_your_own(folder):
    page = read('docs/extending.md')
    run_blocks(section(page, 'A project of your own') + section(page, 'A loss'), folder)
    logs = [line for file in (folder / 'my_project/work_dirs/my_config').glob('*/vis_data/scalars.json')
            for line in file.read_text().splitlines()]
    assert any('loss_upright' in line for line in logs)


def commands(name: str) -> list[str]:
    """Command lines of a page's shell blocks, without comments."""
    text = '\n'.join(block for language, block in BLOCK.findall(read(name)) if language == 'bash')
    return [re.sub(r'\s+#.*', '', line) for line in text.replace('\\\n', ' ').splitlines() if line.strip()]


def test_the_commands_of_readme_that_predict(folder):
    lines = [line for line in commands('README.md') if line.startswith('mmxas infer ')]
    assert lines
    run_shell('\n'.join(lines), folder)
    assert list(folder.glob('**/predictions/*.json'))


def test_the_commands_of_readme_that_train(folder):
    """In little: one iteration per stage, on a few rendered pairs."""
    (folder / 'configs').symlink_to(ROOT / 'configs')
    first_look = re.search(r'^first_look=\(.*?\)$', read('docs/extending.md'), re.MULTILINE | re.DOTALL)[0]
    little = {'train': 'train_dataloader.dataset.target.num=8 val_dataloader.dataset.num=4', 'test': ''}
    lines = [f'{line} --cfg-options "${{first_look[@]}}" {little[found[1]]} test_dataloader.dataset.num=4'
             for line in commands('README.md') if (found := re.match('mmxas (train|test) configs/', line))]
    assert [line.split()[1] for line in lines] == ['train', 'test']
    printed = run_shell('\n'.join([first_look, *lines]), folder)
    assert 'constant mean pose' in printed or 'mean_pose' in printed


def test_the_python_of_readme(folder):
    blocks = [block for language, block in BLOCK.findall(read('README.md')) if language == 'python']
    assert blocks
    run_blocks('\n'.join(f'```python\n{block}```\n' for block in blocks), folder)
    assert list(folder.glob('**/predictions/photo.json'))
