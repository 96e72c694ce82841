import pytest

from mmxas.io import json_files, read_json


def test_content_comes_back(tmp_path):
    (tmp_path / 'a.json').write_text('{"a": [1, "é"]}', encoding='utf-8')
    assert read_json(tmp_path / 'a.json') == {'a': [1, 'é']}
    assert read_json(tmp_path / 'a.json', ['a'])['a'][0] == 1
    (tmp_path / 'b.json').write_bytes(b'\xef\xbb\xbf' + (tmp_path / 'a.json').read_bytes())
    assert read_json(tmp_path / 'b.json') == {'a': [1, 'é']}


@pytest.mark.parametrize(('data', 'message'), [
    (b'{"a": ', 'Expecting value'), (b'[' * 200000, 'nested too deep'), (b'\xff\xfe', 'utf-8'),
    (b'1' * 5000, 'digits'), (b'', 'Expecting value'),
])
def test_what_is_no_json_is_named(tmp_path, data, message):
    (tmp_path / 'a.json').write_bytes(data)
    with pytest.raises(ValueError, match=f'a.json: not a JSON file .*{message}'):
        read_json(tmp_path / 'a.json')


@pytest.mark.parametrize('text', ['[]', '{"a": 1}', '3'])
def test_missing_keys_are_named(tmp_path, text):
    (tmp_path / 'a.json').write_text(text)
    with pytest.raises(ValueError, match='a.json: an object with a, b expected; .*b missing'):
        read_json(tmp_path / 'a.json', ['a', 'b'])


def test_size_is_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr(json_files, 'LIMIT', 3)
    (tmp_path / 'a.json').write_text('[1, 2]')
    with pytest.raises(ValueError, match='a.json: 6 bytes of JSON, 3 expected at most'):
        read_json(tmp_path / 'a.json')
