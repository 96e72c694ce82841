import os

import pytest

from mmxas.io.atomic_writes import write_atomically, write_whole


def test_a_failed_write_leaves_nothing(tmp_path):
    path = tmp_path / 'file'
    path.write_bytes(b'old')

    def full_disk(file):
        file.write(b'half')
        raise OSError(28, 'No space left on device')

    with pytest.raises(OSError, match='No space'):
        write_atomically(path, full_disk)
    assert [p.name for p in tmp_path.iterdir()] == ['file'] and path.read_bytes() == b'old'


def test_an_interrupted_write_leaves_the_old_file(tmp_path, monkeypatch):
    target = tmp_path / 'a.json'
    write_whole(target, b'old')

    def interrupted(*args):
        raise KeyboardInterrupt
    monkeypatch.setattr(os, 'replace', interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_whole(target, b'new')
    assert target.read_bytes() == b'old'
    assert os.listdir(tmp_path) == ['a.json']
