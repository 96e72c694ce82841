"""Killed at every kind of moment, told to leave, without room, without rights, without data: nothing is lost."""
import contextlib
import hashlib
import os
import re
import resource
import shutil
import signal
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from mmxas.synthesis import PairReader

from .children import CONVERSION, PLACES, RENDERING, Child, files, lock

KIND = 'interrupted'
INTERVAL, LAST = 3, 20
pytestmark = pytest.mark.robust
FLOAT32 = dict(kind='XASPoseEstimator', interval=INTERVAL)
# How often a moment is passed before the process dies there, so that a checkpoint is there already and another is due.
COUNTS = {'while a batch is collated': 70, 'in the forward pass': 9, 'before an epoch': 4, 'behind an epoch': 4,
          "at a stage's start": 2, 'behind the change of stage': 2, 'before a checkpoint': 3, 'behind a checkpoint': 3,
          'before its bytes': 3, 'behind its bytes': 3, 'before it is moved into place': 5,
          'behind it is moved into place': 5,
          'before its fsync': 5, 'half of a checkpoint': 3, 'half of last_checkpoint': 3,
          'before the oldest is removed': 1,
          'behind the oldest is removed': 1, 'while the log is written': 2}


@pytest.fixture(scope='module')
def unbroken(tmp_path_factory) -> dict[str, torch.Tensor]:
    """The last weights of a run that nobody touched."""
    folder = tmp_path_factory.mktemp('unbroken')
    Child('train', folder / 'log', work_dir=str(folder), out=str(folder / 'out.pth'), **FLOAT32).check()
    return torch.load(folder / 'out.pth')


def newest(folder: Path) -> int:
    """Iterations that the newest checkpoint has; it is whole."""
    pointer = folder / 'last_checkpoint'
    return torch.load(pointer.read_text())['meta']['iter'] if pointer.is_file() else 0


def resume(folder: Path, unbroken: dict[str, torch.Tensor]) -> None:
    """Go on, to the same bits."""
    child = Child('train', folder / 'log', work_dir=str(folder), out=str(folder / 'out.pth'), resume=True, **FLOAT32)
    child.check()
    found = torch.load(folder / 'out.pth')
    assert found.keys() == unbroken.keys()
    assert [name for name in found if not torch.equal(found[name], unbroken[name])] == []
    assert not list(folder.glob('.*'))


@pytest.mark.parametrize('moment', [*PLACES, 'half of a checkpoint', 'half of last_checkpoint'])
def test_training_killed(moment, unbroken, tmp_path):
    count = COUNTS.get(moment, 8)
    child = Child('train', tmp_path / 'log', work_dir=str(tmp_path), moment=moment, count=count, **FLOAT32)
    assert child.wait() == [-signal.SIGKILL], child.output()[-3000:]
    assert newest(tmp_path) % INTERVAL == 0
    resume(tmp_path, unbroken)


def test_training_killed_from_outside(unbroken, tmp_path):
    """At a moment that nobody chose."""
    child = Child('train', tmp_path / 'log', work_dir=str(tmp_path), **FLOAT32)
    end = time.monotonic() + 120
    while not (tmp_path / 'last_checkpoint').is_file() and time.monotonic() < end:
        time.sleep(0.02)
    child.processes[0].kill()
    assert child.wait() == [-signal.SIGKILL]
    resume(tmp_path, unbroken)


def test_killed_again_and_again(unbroken, tmp_path):
    for count in (5, 4, 6):
        child = Child('train', tmp_path / 'log', work_dir=str(tmp_path), moment='behind the step', count=count,
                      resume=True,
                      **FLOAT32)
        assert child.wait() == [-signal.SIGKILL], child.output()[-3000:]
    assert newest(tmp_path) >= 2 * INTERVAL
    resume(tmp_path, unbroken)


@pytest.mark.parametrize('target', ['the process', 'its group, workers too'])
def test_sigterm_saves_and_exits(target, unbroken, tmp_path):
    child = Child('train', tmp_path / 'log', work_dir=str(tmp_path), workers=2 if 'group' in target else 0, **FLOAT32)
    end = time.monotonic() + 120
    while not (tmp_path / 'last_checkpoint').is_file() and time.monotonic() < end:
        time.sleep(0.02)
    pid = child.processes[0].pid
    children = Path(f'/proc/{pid}/task/{pid}/children').read_text().split() if 'group' in target else []
    for each in [*map(int, children), pid]:
        os.kill(each, signal.SIGTERM)
    assert child.wait() == [143], child.output()[-3000:]
    said = re.search(r'SIGTERM: saved preempted_iter_(\d+)\.pth after \d+ iterations; continue with --resume',
                     child.output())
    assert said and newest(tmp_path) == int(said[1])
    resume(tmp_path, unbroken)


# ---------------------------------------------------------------- rendering

def digests(folder: Path) -> dict[str, str]:
    """Every file of a folder."""
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(folder.rglob('*')) if path.is_file()}


@pytest.fixture(scope='module')
def whole(tmp_path_factory) -> dict[str, dict[str, str]]:
    """Files of a rendering and of a conversion that nobody touched."""
    folder = tmp_path_factory.mktemp('whole')
    children = [Child(kind, folder / f'{kind}.log', root=str(folder / kind)) for kind in ('render', 'convert')]
    for child in children:
        child.check()
    return {kind: digests(folder / kind) for kind in ('render', 'convert')}


JOBS = [('render', moment) for moment in [*RENDERING, 'half of a shard', 'half of meta.json',
                                          'before it is moved into place',
                                          'behind it is moved into place', 'before its fsync']]
JOBS += [('convert', moment) for moment in [*CONVERSION, 'half of an image', 'half of a part',
                                            'before it is moved into place',
                                            'behind it is moved into place', 'before its fsync']]


@pytest.mark.parametrize(('kind', 'moment'), JOBS)
def test_rendering_and_conversion_killed(kind, moment, whole, tmp_path):
    count = 1 if moment in ('half of meta.json', 'while remains are removed', 'while the shards are counted') else 2
    root = tmp_path / 'root'
    child = Child(kind, tmp_path / 'log', root=str(root), moment=moment, count=count)
    assert child.wait() == [-signal.SIGKILL], child.output()[-3000:]
    kept = {path: path.stat().st_mtime_ns for path in root.rglob('pairs_*.npz')}
    Child(kind, tmp_path / 'log', root=str(root)).check()
    found = {name: digest for name, digest in digests(root).items() if not Path(name).name.startswith('.')}
    assert found == whole[kind]
    assert all(path.stat().st_mtime_ns == when for path, when in kept.items()), 'a whole shard was rendered again'


RANDOM = {'train': 10, 'render': 5, 'convert': 5}  # kills, twenty in all


@pytest.mark.parametrize('kind', RANDOM)
def test_killed_at_random_moments(kind, unbroken, whole, tmp_path):
    """Each run goes on where the one before was killed; one that ends before its moment begins anew."""
    def child(root: Path, **more) -> Child:
        options = dict(work_dir=str(root), resume=root.exists(), **FLOAT32) if kind == 'train' else dict(root=str(root))
        return Child(kind, tmp_path / 'log', **options, **more)

    root, rng, begin = tmp_path / 'root', np.random.default_rng(RANDOM[kind]), time.monotonic()
    child(tmp_path / 'timed').check()
    seconds = time.monotonic() - begin
    killed = 0
    for _ in range(10 * RANDOM[kind]):
        running = child(root)
        time.sleep(rng.uniform(0.2, 1.0) * seconds)
        running.processes[0].kill()
        if running.wait() == [-signal.SIGKILL]:
            killed += 1
            assert kind != 'train' or newest(root) == LAST or newest(root) % INTERVAL == 0  # the last one is saved, too
        else:
            shutil.rmtree(root)
        if killed == RANDOM[kind]:
            break
    assert killed == RANDOM[kind]
    if kind == 'train':
        root.mkdir(exist_ok=True)
        resume(root, unbroken)
    else:
        child(root).check()
        assert {name: digest for name, digest in digests(root).items()
                if not Path(name).name.startswith('.')} == whole[kind]


def descendants(pid: int) -> list[int]:
    """Processes that a process started, and those that they started."""
    found = []
    with contextlib.suppress(OSError):  # it has ended
        for task in Path(f'/proc/{pid}/task').glob('*/children'):
            for child in map(int, task.read_text().split()):
                found += [child, *descendants(child)]
    return found


def command_line(pid: int) -> bytes | None:
    """What a process was started with; nothing if it has ended."""
    with contextlib.suppress(OSError):
        return Path(f'/proc/{pid}/cmdline').read_bytes()


MANY = 200  # pairs: workers are found and killed before they are done


@pytest.fixture(scope='module')
def many(tmp_path_factory) -> dict[str, str]:
    """Files of a longer rendering that nobody touched."""
    folder = tmp_path_factory.mktemp('many')
    Child('render', folder / 'log', root=str(folder / 'root'), num=MANY).check()
    return digests(folder / 'root')


@pytest.mark.parametrize('whom', ['all of it', 'a worker'])
def test_a_rendering_with_workers_killed(whom, many, tmp_path):
    root = tmp_path / 'root'
    child = Child('render', tmp_path / 'log', root=str(root), workers=2, num=MANY)
    workers, end = [], time.monotonic() + 120
    while not workers and time.monotonic() < end:  # they are forks of a fork server; its imports start programs, too
        time.sleep(0.01)
        workers = [pid for server in descendants(child.processes[0].pid) for pid in descendants(server)
                   if command_line(pid) == command_line(server)]
    if whom == 'all of it':
        child.processes[0].kill()
        assert child.wait() == [-signal.SIGKILL]
        time.sleep(1)  # workers notice it
    else:
        os.kill(workers[0], signal.SIGKILL)
        assert child.wait() == [1], child.output()[-3000:]
        assert 'a process was killed (out of memory?' in child.output()
    Child('render', tmp_path / 'log', root=str(root), num=MANY).check()
    assert digests(root) == many


def test_a_worker_of_a_training_killed(unbroken, tmp_path):
    """As the system does that has no memory left."""
    child = Child('train', tmp_path / 'log', work_dir=str(tmp_path), workers=2, **FLOAT32)
    end = time.monotonic() + 120
    while not (tmp_path / 'last_checkpoint').is_file() and time.monotonic() < end:
        time.sleep(0.01)
    while child.processes[0].is_alive() and time.monotonic() < end:
        for pid in descendants(child.processes[0].pid)[:1]:
            os.kill(pid, signal.SIGKILL)
        time.sleep(0.01)
    assert child.wait() == [1], child.output()[-3000:]
    assert re.search(r'DataLoader worker \(pid\(?s?\)?:? ?[\d, ]+\)? (is killed by signal|exited unexpectedly)',
                     child.output()), child.output()[-3000:]
    assert newest(tmp_path) % INTERVAL == 0
    resume(tmp_path, unbroken)


def test_workers_of_a_training_killed_end_with_it(tmp_path):
    """None stays behind with its memory, waiting for somebody to read its batch."""
    child = Child('train', tmp_path / 'log', work_dir=str(tmp_path), workers=2, **FLOAT32)
    end = time.monotonic() + 120
    while not (tmp_path / 'last_checkpoint').is_file() and time.monotonic() < end:
        time.sleep(0.01)
    workers = descendants(child.processes[0].pid)
    child.processes[0].kill()
    assert child.wait() == [-signal.SIGKILL]
    assert len(workers) >= 2
    while [pid for pid in workers if command_line(pid)] and time.monotonic() < end:
        time.sleep(0.1)
    assert [pid for pid in workers if command_line(pid)] == []


# ------------------------------------------------- no room, no rights, no data

DISK_KB = 3000


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 3 MB."""
    folder = tmp_path / 'disk'
    folder.mkdir()
    if os.geteuid() or os.system(f'mount -t tmpfs -o size={DISK_KB}k tmpfs {folder} 2>/dev/null'):
        pytest.skip('a small file system can be mounted by root only')
    yield folder
    os.system(f'umount -l {folder}')


def test_a_full_disk_in_training(small_disk, unbroken, tmp_path):
    filler = small_disk / 'filler'
    filler.touch()
    child = Child('train', tmp_path / 'log', work_dir=str(small_disk), **FLOAT32)
    end = time.monotonic() + 120
    while not (small_disk / 'last_checkpoint').is_file() and time.monotonic() < end:
        time.sleep(0.01)
    with filler.open('wb', buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            pass
    assert child.wait() == [1], child.output()[-3000:]
    assert re.search(r'not written \(No space left on device\), \d+ bytes; earlier files are complete',
                     child.output())
    assert newest(small_disk) % INTERVAL == 0 and newest(small_disk)
    filler.unlink()
    shutil.copytree(small_disk, tmp_path / 'moved')
    (tmp_path / 'moved' / 'last_checkpoint').write_text(
        (small_disk / 'last_checkpoint').read_text().replace(str(small_disk), str(tmp_path / 'moved')))
    resume(tmp_path / 'moved', unbroken)


@pytest.mark.parametrize('kind', ['render', 'convert'])
def test_a_full_disk_in_rendering_and_conversion(kind, small_disk, whole, tmp_path):
    filler = small_disk / 'filler'
    filler.write_bytes(bytes(DISK_KB * 1024 - 16 * 1024))
    child = Child(kind, tmp_path / 'log', root=str(small_disk / 'root'))
    assert child.wait() == [1], child.output()[-2000:]
    assert 'No space left on device' in child.output()
    filler.unlink()
    Child(kind, tmp_path / 'log', root=str(small_disk / 'root')).check()
    assert digests(small_disk / 'root') == whole[kind]


@pytest.mark.parametrize('kind', ['read-only', 'a file in its place', 'below a file', 'full'])
def test_a_work_directory_that_cannot_be_written(kind, tmp_path):
    from mmxas.cli.work_directory import require_writable
    from mmxas.errors import UsageError
    folder = tmp_path / 'work'
    if kind == 'read-only':
        folder = Path('/proc/mmxas') if not os.geteuid() else folder
        if os.geteuid():
            folder.mkdir(mode=0o555)
    elif kind == 'a file in its place':
        folder.write_text('')
    elif kind == 'below a file':
        folder.write_text('')
        folder = folder / 'deep'
    else:
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (10, before[1]))
    try:
        with pytest.raises(UsageError, match=f'{folder}: cannot write into this work directory'):
            require_writable(str(folder))
    finally:
        if kind == 'full':
            resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_work_directory_that_is_locked_in_the_middle(unbroken, tmp_path):
    """As a quota or an administrator does; what was saved stays, and the run goes on when it is opened again."""
    folder = tmp_path / 'work'
    folder.mkdir()
    if not lock(folder):
        pytest.skip('this file system has no attributes that bind root')
    lock(folder, False)
    hook = dict(type='Break', fault='locked', at=7, path=str(folder))
    child = Child('train', tmp_path / 'log', work_dir=str(folder), custom_hooks=[hook], **FLOAT32)
    status = child.wait()
    lock(folder, False)
    assert status == [1], child.output()[-3000:]
    assert re.search(r'not written \((Operation not permitted|Permission denied)\), \d+ bytes; earlier files are '
                     r'complete: .*iter_9\.pth', child.output()), child.output()[-3000:]
    assert newest(folder) == 6
    resume(folder, unbroken)


# -------------------------------------------------------- data that vanish

GONE = {'an image': ('gone', 'images/2.png'), 'the images': ('gone', 'images'), 'a mask': ('gone', 'masks/2.png'),
        'an image is cut off': ('cut off', 'images/2.png'), 'a mask is emptied': ('cut off', 'masks/2.png')}


@pytest.fixture(scope='module')
def on_files(tmp_path_factory) -> tuple[Path, dict[str, torch.Tensor]]:
    """A data set of files, and the last weights of a training on it."""
    folder = tmp_path_factory.mktemp('on_files')
    rng = np.random.default_rng(0)
    for kind in ('images', 'masks'):
        (folder / kind).mkdir()
        for number in range(8):
            picture = rng.integers(0, 255, (40, 40, 3), dtype=np.uint8)
            if kind == 'masks':
                picture = np.pad(np.full((20, 12), 255, np.uint8), ((10, 10), (14, 14)))
            cv2.imwrite(str(folder / kind / f'{number}.png'), picture)
    Child('render', folder / 'log', root=str(folder / 'pairs')).check()
    Child('train', folder / 'log', work_dir=str(folder / 'work'), out=str(folder / 'out.pth'), data=files(folder),
          **FLOAT32).check()
    return folder, torch.load(folder / 'out.pth')


@pytest.mark.parametrize('what', GONE)
def test_data_that_vanish_in_the_middle_of_training(what, on_files, tmp_path):
    """The run ends with the file named; with the data back it goes on to the same bits."""
    made, unbroken = on_files
    folder = tmp_path / 'data'
    shutil.copytree(made, folder)
    fault, name = GONE[what]
    hook = dict(type='Break', fault=fault, at=11, path=str(folder / name))
    common = dict(work_dir=str(tmp_path / 'work'), data=files(folder), **FLOAT32)
    child = Child('train', tmp_path / 'log', custom_hooks=[hook], **common)
    assert child.wait() == [1], child.output()[-3000:]
    last = child.output().strip().splitlines()[-1]
    assert re.match(r'(\w+\.)*(UnreadableImageError|FileNotFoundError)', last) and name.split('.')[0] in last, last
    assert newest(tmp_path / 'work') in (9, 12, 15)
    shutil.rmtree(folder)
    shutil.copytree(made, folder)
    Child('train', tmp_path / 'log', resume=True, out=str(tmp_path / 'out.pth'), **common).check()
    found = torch.load(tmp_path / 'out.pth')
    assert [name for name in found if not torch.equal(found[name], unbroken[name])] == []


@pytest.mark.parametrize('what', ['a shard', 'meta.json', 'the folder'])
def test_data_that_vanishes(what, whole, tmp_path):
    root = tmp_path / 'root'
    Child('render', tmp_path / 'log', root=str(root)).check()
    reader = PairReader(root)
    assert reader[0].image.shape == (32, 32, 3)
    if what == 'a shard':
        (root / 'pairs_00002.npz').unlink()
    elif what == 'meta.json':
        (root / 'meta.json').unlink()
    else:
        shutil.rmtree(root)
    with pytest.raises((OSError, ValueError), match='root'):
        PairReader(root)
    if what != 'meta.json':
        with pytest.raises((OSError, ValueError), match='pairs_00002.npz'):
            reader[5]
    assert np.isfinite(reader[1].keypoints_cam).all()
