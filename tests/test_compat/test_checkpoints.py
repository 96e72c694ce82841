import os
import pickle
import zipfile

import mmpose.apis
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.logging import HistoryBuffer
from mmengine.runner import FlexibleRunner, Runner, load_checkpoint, save_checkpoint
from tiny_project import write_tiny_config

from mmxas.compat.checkpoints import allow_mmengine_checkpoints, history_statistic, load_url, safe_globals
from mmxas.io import UnsafeFileError, read_checkpoint_file


class Calls:
    """Pickles as a call of a function that the file names."""

    def __init__(self, function, *arguments):
        self.function, self.arguments = function, arguments

    def __reduce__(self):
        return self.function, self.arguments


def train(work_dir, name, epochs, resume=False):
    work_dir.mkdir(exist_ok=True)
    cfg = Config.fromfile(write_tiny_config(work_dir))
    cfg.merge_from_dict({'work_dir': str(work_dir), 'train_cfg.max_epochs': epochs, 'resume': resume,
                         'experiment_name': name, 'default_hooks.checkpoint.save_best': 'tiny/error',
                         'default_hooks.checkpoint.rule': 'less', 'vis_backends': [], 'visualizer.vis_backends': []})
    runner = Runner.from_cfg(cfg)
    runner.train()
    return runner


def test_a_resumed_run_ends_like_one_that_was_not_stopped(tmp_path):
    whole = train(tmp_path / 'whole', 'whole', 3)
    train(tmp_path / 'half', 'half', 2)
    resumed = train(tmp_path / 'half', 'resumed', 3, resume=True)
    assert resumed.epoch == 3
    assert resumed.message_hub.get_scalar('train/loss').data[0].size == 12  # 3 epochs of 4 iterations
    assert isinstance(resumed.message_hub.get_info('best_score'), float)
    for name, weight in whole.model.state_dict().items():
        torch.testing.assert_close(resumed.model.state_dict()[name], weight, rtol=0, atol=0)
    saved = torch.load(tmp_path / 'whole' / 'epoch_3.pth')  # weights_only, torch's default
    buffer = saved['message_hub']['log_scalars']['train/loss']
    assert isinstance(buffer, HistoryBuffer)
    assert buffer.mean() == pytest.approx(buffer.data[0].mean())


def test_init_model_reads_a_runners_checkpoint(tmp_path):
    cfg = Config(dict(
        default_scope='mmpose',
        model=dict(type='TopdownPoseEstimator', data_preprocessor=dict(type='PoseDataPreprocessor'),
                   backbone=dict(type='ResNet', depth=18),
                   head=dict(type='RegressionHead', in_channels=512, num_joints=2)),
        test_dataloader=dict(dataset=dict(type='CocoDataset'))))
    model = mmpose.apis.init_model(cfg, device='cpu')
    path = tmp_path / 'epoch_1.pth'
    hub = dict(log_scalars={'loss': HistoryBuffer([1.0, 2.0], [1, 1])}, runtime_info={'best_score': np.float64(0.5)})
    meta = dict(dataset_meta={'sigmas': np.ones(2, np.float32), 'colors': np.zeros((2, 3), np.uint8)})
    with torch.no_grad():
        model.head.fc.bias.fill_(0.25)
    save_checkpoint(dict(state_dict=model.state_dict(), message_hub=hub, meta=meta), str(path))
    loaded = mmpose.apis.init_model(cfg, str(path), device='cpu')
    assert loaded.head.fc.bias.eq(0.25).all()
    assert loaded.dataset_meta['sigmas'].dtype == np.float32


@pytest.mark.parametrize('value', [
    *(np.ones(3, dtype=dtype) for dtype in ('bool', 'uint8', 'uint32', 'int16', 'int64', 'float16', 'float64')),
    np.float32(1.5), np.int64(7), np.bool_(True), np.array(['left', 'right']), np.random.RandomState(0).get_state()[1],
])
def test_arrays_and_scalars_come_back(tmp_path, value):
    torch.save({'value': value}, tmp_path / 'arrays.pth')
    loaded = torch.load(tmp_path / 'arrays.pth')['value']
    assert isinstance(loaded, type(value))
    assert type(pickle.loads(pickle.dumps(loaded))) is type(value)  # saved again it is numpy's own
    np.testing.assert_array_equal(loaded, value)


def test_arrays_written_under_numpy_1_come_back(tmp_path):
    torch.save({'value': np.arange(3.0), 'scalar': np.float64(2)}, tmp_path / 'new.pth')
    with zipfile.ZipFile(tmp_path / 'new.pth') as new, zipfile.ZipFile(tmp_path / 'old.pth', 'w') as old:
        for name in new.namelist():
            old.writestr(name, new.read(name).replace(b'numpy._core.multiarray', b'numpy.core.multiarray'))
    loaded = torch.load(tmp_path / 'old.pth')
    assert loaded['value'].tolist() == [0, 1, 2]
    assert loaded['scalar'] == 2


@pytest.mark.parametrize('attack', [
    Calls(os.system, 'true'), Calls(getattr, HistoryBuffer, '__init__'), Calls(getattr, dict, 'update'),
    Calls(eval, '1'), np.array([Calls(os.getcwd)], dtype=object),
], ids=['system', 'getattr of a dunder', 'getattr of another class', 'eval', 'in an object array'])
def test_nothing_else_runs(tmp_path, attack):
    torch.save({'state_dict': {}, 'attack': attack}, tmp_path / 'attack.pth')
    with pytest.raises(pickle.UnpicklingError):
        load_checkpoint(torch.nn.Linear(1, 1), str(tmp_path / 'attack.pth'))


class Stored:
    """Pickles as an array that is given its state."""

    def __init__(self, kind, *state):
        self.kind, self.state = kind, state

    def __reduce__(self):
        return np.empty(0).__reduce__()[0], (self.kind, (0, ), b'b'), self.state


@pytest.mark.parametrize(('attack', 'message'), [
    (Calls(np.ndarray, (1, ), Calls(np.dtype, 'O'), b'A' * 8), 'GLOBAL numpy.ndarray to be called'),
    (Calls(np.ndarray, (1, ), np.dtype('f8'), b'A' * 8), 'GLOBAL numpy.ndarray to be called'),
    (Stored(np.ndarray, 1, (1, ), Calls(np.dtype, 'O'), False, ['a']), 'an array of objects'),
    (Stored(np.ndarray, 1, (1, ), Calls(np.dtype, [('a', 'O')]), False, ['a']), 'an array of objects'),
    (Stored(np.ndarray, (1, ), 'O'), 'an array of objects'),
    (Stored(HistoryBuffer, 1, (1, ), np.dtype('f8'), False, b'A' * 8), 'an array of the kind'),
], ids=['objects over bytes', 'numbers over bytes', 'objects', 'objects in a record', 'another state', 'another kind'])
def test_no_array_takes_bytes_for_addresses(tmp_path, attack, message):
    torch.save({'state_dict': {}, 'attack': attack}, tmp_path / 'attack.pth')
    with pytest.raises(pickle.UnpicklingError, match=message):
        torch.load(tmp_path / 'attack.pth', weights_only=True)
    with pytest.raises(ValueError, match=r'attack\.pth'):
        load_checkpoint(torch.nn.Linear(1, 1), str(tmp_path / 'attack.pth'))


def opcodes(item) -> bytes:
    """What pushes an item, in protocol 2."""
    if isinstance(item, bytes):
        return b'c_codecs\nencode\n(' + opcodes(item.decode('latin1')) + opcodes('latin1') + b'tR'
    if isinstance(item, tuple):
        return b'(' + b''.join(map(opcodes, item)) + b't'
    return pickle.dumps(item, 2)[2:-1]


def dtype_of(code: str) -> bytes:
    return b'cnumpy\ndtype\n' + opcodes((code, False, True)) + b'R'


EMPTY = b'cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n' + opcodes((0, )) + opcodes('b') + b'tR'


def filled(dtype: bytes, content: bytes, count: int = 1) -> bytes:
    return EMPTY + b'(' + opcodes(1) + opcodes((count, )) + dtype + opcodes(False) + opcodes(content) + b'tb'


def load(path, **items: bytes):
    body = b''.join(opcodes(name) + item for name, item in items.items())
    torch.save({}, path)
    with zipfile.ZipFile(path) as whole:
        members = {name: whole.read(name) for name in whole.namelist()}
    with zipfile.ZipFile(path, 'w') as archive:
        for name, data in members.items():
            archive.writestr(name, b'\x80\x02}(' + body + b'u.' if name.endswith('data.pkl') else data)
    return read_checkpoint_file(path, 'cpu')


GROWN = b'h\xc8' + opcodes((3, '<', None, None, None, 1 << 20, 4, 8)) + b'b'  # the dtype of number 200, 1 MB an entry


def test_an_array_keeps_its_own_type(tmp_path):
    """The file builds the dtype of an array again, larger: the array would reach beyond its bytes."""
    content = load(tmp_path / 'a.pth', a=filled(dtype_of('U2') + b'q\xc8', 'ab'.encode('utf-32-le')), b=GROWN)
    assert content['b'].itemsize == 1 << 20
    assert content['a'].nbytes == 8 and content['a'].tolist() == ['ab']
    with pytest.raises(ValueError, match=r'a\.pth: .*buffer size does not match array size'):
        load(tmp_path / 'a.pth', b=dtype_of('U2') + b'q\xc8' + GROWN[2:], a=filled(b'h\xc8', b'A' * 8))


SCALAR = b'cnumpy.core.multiarray\nscalar\n('
NUMBER = b'\0' * 6 + b'\xf0?'


@pytest.mark.parametrize('scalar', [
    dtype_of('f8') + opcodes(b'A' * 7), dtype_of('f8') + opcodes(b'A' * 9), dtype_of('f8') + opcodes('A' * 8),
    dtype_of('f8') + opcodes((3, '<', None, None, None, -1, -1, 4)) + b'b' + opcodes('hello'),
    dtype_of('O') + opcodes('A' * 8), dtype_of('V8') + opcodes(b'A' * 8), opcodes('f8') + opcodes(b'A' * 8),
], ids=['few bytes', 'many bytes', 'text', 'an address', 'an object', 'a record', 'no type'])
def test_a_scalar_is_a_number_of_its_bytes(tmp_path, scalar):
    assert load(tmp_path / 'a.pth', a=SCALAR + dtype_of('f8') + opcodes(NUMBER) + b'tR') == {'a': 1.0}
    with pytest.raises(UnsafeFileError, match=r'a\.pth: no checkpoint, .*\(the checkpoint has an? (array|number)'):
        load(tmp_path / 'a.pth', a=SCALAR + scalar + b'tR')


def test_an_array_is_filled_once(tmp_path):
    """A tensor of an array's memory would outlive it."""
    again = filled(dtype_of('f8'), b'A' * 16, 2)[len(EMPTY):]
    with pytest.raises(UnsafeFileError, match='the checkpoint fills an array twice'):
        load(tmp_path / 'a.pth', a=filled(dtype_of('f8'), b'A' * 8) + again)


@pytest.mark.parametrize('code', ['V8', 'O', '2f8', 'M8[s]'])
def test_an_array_is_of_numbers_or_text(tmp_path, code):
    with pytest.raises(UnsafeFileError, match='an array of objects or records'):
        load(tmp_path / 'a.pth', a=filled(dtype_of(code), b'A' * 16))


@pytest.mark.parametrize('flexible', [False, True])
def test_resuming_does_not_execute_the_config_in_a_checkpoint(tmp_path, flexible):
    train(tmp_path, 'first', 1)
    path = tmp_path / 'epoch_1.pth'
    content = torch.load(path)
    assert 'TinyModel' in content['meta']['cfg']  # and mmengine's resume looks for 'config'
    content['meta']['config'] = content['meta']['cfg'] = f'open({str(tmp_path / "canary")!r}, "w")\n'
    torch.save(content, path)
    cfg = Config.fromfile(write_tiny_config(tmp_path))
    cfg.merge_from_dict({'work_dir': str(tmp_path), 'train_cfg.max_epochs': 2, 'resume': True, 'vis_backends': [],
                         'visualizer.vis_backends': [], 'experiment_name': f'second_{flexible}'})
    runner = (FlexibleRunner if flexible else Runner).from_cfg(cfg)
    runner.train()
    assert runner.epoch == 2
    assert not (tmp_path / 'canary').exists()


def test_checkpoints_from_the_web_are_read_as_local_ones(tmp_path, monkeypatch):
    torch.save({'state_dict': {'weight': torch.ones(2)}}, tmp_path / 'good.pth')
    torch.save({'state_dict': bytearray(4)}, tmp_path / 'bad.pth')
    monkeypatch.setattr(torch.hub, 'get_dir', lambda: str(tmp_path / 'hub'))

    def url(name: str) -> str:
        return (tmp_path / name).as_uri()

    assert load_url(url('good.pth'))['state_dict']['weight'].tolist() == [1, 1]
    (tmp_path / 'good.pth').unlink()
    assert load_url(url('good.pth'), check_hash=True)['state_dict']['weight'].tolist() == [1, 1]  # from the cache
    with pytest.raises(UnsafeFileError, match=r'bad\.pth: .*bytearray'):
        load_url(url('bad.pth'))


def test_a_statistic_of_a_history_buffer_is_itself():
    assert history_statistic(HistoryBuffer, 'max') is HistoryBuffer.max
    with pytest.raises(pickle.UnpicklingError, match=r'getattr\(.*HistoryBuffer.*, .update.\), which is not allowed'):
        history_statistic(HistoryBuffer, 'update')


def test_the_list_holds_no_open_door():
    objects = [entry[0] if isinstance(entry, tuple) else entry for entry in safe_globals()]
    assert not {getattr, eval, exec, __import__, os.system} & set(objects)
    allow_mmengine_checkpoints()
    assert set(objects) <= {entry[0] if isinstance(entry, tuple) else entry
                            for entry in torch.serialization.get_safe_globals()}
