"""Pickles that would execute something, as body models, cameras and checkpoints of each format."""
import bz2
import io
import pickle
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.runner import load_checkpoint

from mmxas.body_models import UnsafePickleError, load_pickle, read_body_model
from mmxas.datasets.datasets.recorded_frames import read_cameras
from mmxas.io import UnsafeFileError, read_checkpoint_file
from mmxas.io.inspection import inspect_file
from mmxas.masks.torchvision_segmenter import load_network
from mmxas.models.backbones.pretrained import read_weights
from mmxas.models.conversion.released_files import read_checkpoint
from mmxas.synthesis.cameras import read_camera_file

from .corpus import (
    Call,
    Global,
    Raw,
    announcing_tar,
    bombs,
    broken_archives,
    calls,
    filled,
    forms,
    hidden,
    lies_about_arrays,
    opcodes,
    torch_legacy,
    torch_tar,
    torch_zip,
    whole,
)
from .refusal import REFUSALS, assert_refused, bounded_memory

KIND = 'hostile'
pytestmark = pytest.mark.hostile
NOWHERE = Path('/nowhere/canary')
MARK = Call('os.system', 'true')


def load_mmengine(path: Path) -> object:
    """As tools/test.py, tools/train.py and ``init_model`` do."""
    return load_checkpoint(torch.nn.Linear(1, 1), str(path), map_location='cpu')


@pytest.mark.parametrize('name', calls(NOWHERE))
def test_a_pickle_that_calls(name, tmp_path):
    canary, path = tmp_path / 'c' / 'canary', tmp_path / 'model.pkl'
    canary.parent.mkdir()
    attack = calls(canary)[name]
    path.write_bytes(whole({'v_template': attack}))
    with pytest.raises((UnsafePickleError, *REFUSALS), match='model.pkl'):
        load_pickle(path)
    assert not list(canary.parent.iterdir())


@pytest.mark.parametrize('name', calls(NOWHERE))
def test_a_checkpoint_that_calls(name, tmp_path):
    canary, path = tmp_path / 'c' / 'canary', tmp_path / 'model.pth'
    canary.parent.mkdir()
    path.write_bytes(torch_zip(whole({'state_dict': {}, 'meta': calls(canary)[name]})))
    assert_refused(lambda: load_mmengine(path), path, canary)
    assert not list(canary.parent.iterdir())


@pytest.mark.parametrize('form', forms(NOWHERE))
@pytest.mark.parametrize('door', ['pickle', 'checkpoint'])
def test_a_call_written_in_other_opcodes(form, door, tmp_path):
    canary, path = tmp_path / 'c' / 'canary', tmp_path / 'model.pkl'
    canary.parent.mkdir()
    data = forms(canary)[form]
    path.write_bytes(data if door == 'pickle' else torch_zip(data))
    try:
        content = load_pickle(path) if door == 'pickle' else load_mmengine(path)
    except (UnsafePickleError, *REFUSALS) as error:
        assert path.name in str(error)
    else:  # what follows the first pickle is never read
        assert form == 'a second pickle' and content == {}
    assert not list(canary.parent.iterdir())


@pytest.mark.parametrize('place', hidden(MARK))
@pytest.mark.parametrize('door', ['pickle', 'checkpoint'])
def test_a_call_hidden_in_data(place, door, tmp_path):
    canary, path = tmp_path / 'c' / 'canary', tmp_path / 'model.pkl'
    canary.parent.mkdir()
    data = whole(hidden(Call('os.system', f'touch {canary}'))[place])
    path.write_bytes(data if door == 'pickle' else torch_zip(data))
    with pytest.raises((UnsafePickleError, *REFUSALS), match='model.pkl'):
        load_pickle(path) if door == 'pickle' else load_mmengine(path)
    assert not list(canary.parent.iterdir())


# What takes no more than its bytes: the number that a reference is given is a name, and a checkpoint has each array and
# text once, however often it is referred to.
_NUMBERED = {'memo 67108864', 'memo 4294967295'}
LOADED = {'pickle': _NUMBERED,
          'checkpoint': {*_NUMBERED, 'an array referred to 1500 times', 'a text referred to 1500 times'}}


@pytest.mark.parametrize('bomb', bombs())
@pytest.mark.parametrize('door', ['pickle', 'checkpoint'])
def test_a_small_pickle_that_would_fill_the_memory(bomb, door, tmp_path):
    path = tmp_path / 'model.pkl'
    path.write_bytes(bombs()[bomb] if door == 'pickle' else torch_zip(bombs()[bomb]))
    refused = None
    with bounded_memory():
        try:
            load_pickle(path) if door == 'pickle' else load_mmengine(path)
        except (UnsafePickleError, *REFUSALS) as error:
            refused = str(error)
    if refused is None:
        assert bomb in LOADED[door], 'it was accepted'
    else:
        assert path.name in refused and bomb not in LOADED[door], refused


CONTAINERS: dict[str, Callable[[bytes], bytes]] = {
    'zip': torch_zip, 'legacy magic': lambda data: torch_legacy(data, 0),
    'legacy protocol': lambda data: torch_legacy(data, 1),
    'legacy system': lambda data: torch_legacy(data, 2), 'legacy content': torch_legacy,
    'legacy keys': lambda data: torch_legacy(data, 4), 'tar': torch_tar, 'a bare pickle': lambda data: data,
    'a second data.pkl': lambda data: torch_zip(data, {'b/data.pkl': data}),
    'torchscript': lambda data: torch_zip(data, {'a/constants.pkl': data, 'a/code/__torch__.py': b'import os'}),
    'a zip behind other bytes': lambda data: b'#!/bin/sh\n' + torch_zip(data),
    'DATA.PKL': lambda data: torch_zip(data).replace(b'a/data.pkl', b'a/DATA.PKL'),
    'DATA.PKL beside data.pkl': lambda data: torch_zip(whole({}), {'a/DATA.PKL': data}),
    'a stream before a zip': lambda data: torch_legacy(data) + torch_zip(whole({})),
}
DOORS = {'mmengine': load_mmengine, 'released': read_checkpoint, 'backbone': read_weights}


@pytest.mark.parametrize('container', CONTAINERS)
@pytest.mark.parametrize('door', DOORS)
def test_every_format_of_checkpoint(container, door, tmp_path):
    canary, path = tmp_path / 'c' / 'canary', tmp_path / 'model.pth'
    canary.parent.mkdir()
    path.write_bytes(CONTAINERS[container](whole({'state_dict': {'a': Call('os.system', f'touch {canary}')}})))
    assert_refused(lambda: DOORS[door](path), path, canary)
    assert not canary.exists()


@pytest.mark.parametrize('container', ['DATA.PKL', 'a stream before a zip'])
def test_a_bomb_where_torch_looks_and_others_do_not(container, tmp_path):
    """torch finds the member whatever its case, and takes a file for an archive by its first bytes."""
    path = tmp_path / 'model.pth'
    path.write_bytes(CONTAINERS[container](whole({'a': Call('builtins.bytearray', 8 << 30)})))
    with bounded_memory(), pytest.raises(UnsafeFileError, match=r'model\.pth: .*names bytearray'):
        read_checkpoint_file(path)


NUMBERS = Call('numpy.core.multiarray._reconstruct', Global('numpy.ndarray'), (0, ), b'b')
HARMLESS = {
    'a value': {'v': 1.5}, 'a list': {'a': [1, [2, [3]]]}, 'a tuple': {'a': (1, (2, ))},
    'an array': {'a': Raw(opcodes(NUMBERS) + opcodes((1, (1, ), Call('numpy.dtype', 'f8', False, True), False,
                                                      Call('_codecs.encode', 'A' * 8, 'latin1'))) + b'b')},
    'a scalar': {'a': Call('numpy.core.multiarray.scalar', Call('numpy.dtype', 'f8', False, True),
                           Call('_codecs.encode', 'A' * 8, 'latin1'))},
    'bytes': {'a': Call('_codecs.encode', 'abc', 'latin1')}}


@pytest.mark.parametrize('structure', HARMLESS)
@pytest.mark.parametrize('door', ['pickle', 'checkpoint'])
def test_the_same_structures_without_a_call_are_read(structure, door, tmp_path):
    """What is refused above is refused for what is hidden there."""
    path, data = tmp_path / 'model.pkl', whole(HARMLESS[structure])
    path.write_bytes(data if door == 'pickle' else torch_zip(data))
    content = load_pickle(path) if door == 'pickle' else read_checkpoint_file(path)
    assert list(content) in (['a'], ['v'])
    if structure == 'an array':
        assert content['a'].tolist() == np.frombuffer(b'A' * 8).tolist()


def test_a_checkpoint_from_the_web(tmp_path, monkeypatch):
    """torch.hub turns weights_only off by default; the guard reads it as a local one."""
    canary, path = tmp_path / 'c' / 'canary', tmp_path / 'cache' / 'model.pth'
    canary.parent.mkdir()
    path.parent.mkdir()
    path.write_bytes(torch_zip(whole({'a': Call('os.system', f'touch {canary}')})))
    monkeypatch.setattr(torch.hub, 'get_dir', lambda: str(tmp_path / 'hub'))
    (tmp_path / 'hub' / 'checkpoints').mkdir(parents=True)
    path.rename(tmp_path / 'hub' / 'checkpoints' / 'model.pth')
    with pytest.raises(pickle.UnpicklingError, match='posix.system|os.system'):
        load_checkpoint(torch.nn.Linear(1, 1), 'https://example.org/model.pth')
    assert not canary.exists()


def test_a_zip_from_the_web(tmp_path, monkeypatch):
    """The form before torch 1.6: one file in a zip, which torch.hub would unpack."""
    canary = tmp_path / 'c' / 'canary'
    canary.parent.mkdir()
    folder = tmp_path / 'hub' / 'checkpoints'
    folder.mkdir(parents=True)
    inner = io.BytesIO(torch_legacy(whole({'a': Call('os.system', f'touch {canary}')})))
    with zipfile.ZipFile(folder / 'model.pth', 'w') as archive:
        archive.writestr('../../../slipped.pth', inner.getvalue())
    monkeypatch.setattr(torch.hub, 'get_dir', lambda: str(tmp_path / 'hub'))
    with pytest.raises(Exception, match='system|slipped|No such file'):
        load_checkpoint(torch.nn.Linear(1, 1), 'https://example.org/model.pth')
    assert not canary.exists()
    assert not list(tmp_path.rglob('slipped.pth')) or folder in next(tmp_path.rglob('slipped.pth')).parents


@pytest.mark.parametrize('variable', ['TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD'])
def test_an_environment_that_turns_the_guard_off(variable, tmp_path, monkeypatch):
    canary, path = tmp_path / 'c' / 'canary', tmp_path / 'model.pth'
    canary.parent.mkdir()
    monkeypatch.setenv(variable, '1')
    path.write_bytes(torch_zip(whole({'a': Call('os.system', f'touch {canary}')})))
    assert_refused(lambda: load_mmengine(path), path, canary, 'system')


def test_weights_of_a_segmenter(tmp_path):
    canary, path = tmp_path / 'c' / 'canary', tmp_path / 'model.pth'
    canary.parent.mkdir()
    path.write_bytes(torch_zip(whole({'a': Call('os.system', f'touch {canary}')})))
    assert_refused(lambda: load_network(str(path), SimpleNamespace(url='https://example.org')), path, canary, 'system')
    path.write_bytes(torch_zip(whole({'a': Call('builtins.bytearray', 8 << 30)})))
    assert_refused(lambda: load_network(str(path), SimpleNamespace(url='https://example.org')), path, canary,
                   'bytearray')


@pytest.mark.parametrize('lie', lies_about_arrays())
def test_an_array_that_reads_beside_its_bytes(lie, tmp_path):
    path = tmp_path / 'model.pth'
    path.write_bytes(torch_zip(whole({'state_dict': {}, 'a': lies_about_arrays()[lie]})))
    assert_refused(lambda: load_mmengine(path), path)


def test_a_dtype_that_grows_behind_its_array(tmp_path):
    """It is read, with the type that the array had."""
    path = tmp_path / 'model.pth'
    array = opcodes(filled('U2', 'ab'.encode('utf-32-le'))).replace(b'tR\x89', b'tRq\xc8\x89')
    grow = b'h\xc8' + opcodes((3, '<', None, None, None, 1 << 30, 4, 8)) + b'b'
    path.write_bytes(torch_zip(b'\x80\x02}(' + opcodes('a') + array + opcodes('d') + grow + b'u.'))
    with bounded_memory():
        content = read_checkpoint_file(path)
        assert content['d'].itemsize == 1 << 30 and content['a'].copy().tolist() == ['ab']


@pytest.mark.parametrize('fault', broken_archives())
def test_an_archive_that_is_broken_or_announces(fault, tmp_path):
    path = tmp_path / 'model.pth'
    path.write_bytes(broken_archives()[fault])
    assert_refused(lambda: load_mmengine(path), path)
    with bounded_memory():
        assert inspect_file(path)['refused']


def test_a_report_on_a_packed_tar(tmp_path):
    path, packer = tmp_path / 'model.pth', bz2.BZ2Compressor(9)
    data = packer.compress(announcing_tar(tarfile.GNUTYPE_LONGNAME, 1500 << 20))
    data += b''.join(packer.compress(bytes(1 << 20)) for _ in range(800)) + packer.flush()
    path.write_bytes(data)
    with bounded_memory(100):
        assert inspect_file(path)['refused']
    assert_refused(lambda: load_mmengine(path), path)


@pytest.mark.parametrize('content', [[1], (1, 2), 'text', 3])
def test_a_checkpoint_that_is_no_dict(content, tmp_path):
    path = tmp_path / 'model.pth'
    torch.save(content, path)
    assert_refused(lambda: load_mmengine(path), path, said='a checkpoint is a dict')


@pytest.mark.parametrize(('door', 'load'), [
    ('cameras of a data set', read_cameras), ('cameras of a generator', read_camera_file),
    ('body model', read_body_model)])
def test_other_readers_of_pickles(door, load, tmp_path):
    canary, path = tmp_path / 'c' / 'canary', tmp_path / 'file.pkl'
    canary.parent.mkdir()
    path.write_bytes(whole({('S1', 'a'): Call('os.system', f'touch {canary}')}))
    with pytest.raises(UnsafePickleError, match='file.pkl: refused to load os.system'):
        load(path)
    assert not canary.exists()
