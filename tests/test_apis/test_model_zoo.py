import pytest
import torch

from mmxas.apis.model_zoo import ZooModel, find_model, is_model_name, known_models
from mmxas.io import file_sha256, read_safetensors

MOST_BYTES = 8_000_000


def add_weights(zoo, content=b'abc'):
    """Weights for the first model of the zoo, with their right sha256."""
    path = zoo / 'mmxas' / 'tiny.safetensors'
    path.write_bytes(content)
    text = (zoo / 'metafile.yml').read_text()
    fields = f'  Alias: small\n  Weights: mmxas/tiny.safetensors\n  SHA256: {file_sha256(path)}\n'
    (zoo / 'metafile.yml').write_text(text.replace('  Results: []\n', fields))
    return path


def test_names_and_aliases_lead_to_the_config(zoo):
    assert find_model('tiny').config == zoo / 'configs' / 'config.py'
    assert find_model('third') is not None and find_model('third') == find_model('other')
    assert find_model('third').weights is None


def test_an_unknown_name_gives_the_known_and_the_near_ones(zoo):
    add_weights(zoo)
    with pytest.raises(ValueError, match=r"'smal': no model of this name; did you mean 'small'\? "
                                         'With weights: small; docs/models.md'):
        find_model('smal')
    with pytest.raises(ValueError, match=r"'qqq': no model of this name\. With"):
        find_model('qqq')


def test_weights_are_compared_with_their_sha256(zoo):
    path = add_weights(zoo)
    assert file_sha256(path) == 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'
    assert find_model('small').require_weights() == path
    path.write_bytes(b'abd')
    with pytest.raises(ValueError, match=r'tiny\.safetensors: sha256 ba7816bf\w+ expected .*, found a52d159f'):
        find_model('small').require_weights()
    path.unlink()
    with pytest.raises(FileNotFoundError, match=r'tiny\.safetensors: the weights of tiny are missing; reinstall'):
        find_model('tiny').require_weights()


def test_a_model_without_weights_says_which_have_some(zoo):
    add_weights(zoo)
    with pytest.raises(ValueError, match='other: no weights come with mmxas for this model; .* with weights: small'):
        find_model('second').require_weights()


def test_a_name_is_no_path():
    assert is_model_name('human') and is_model_name('xas_mocap-2')
    assert not any(map(is_model_name, ('a.py', 'configs/a', 'mmxas::a', '')))


def test_wrong_entries_are_refused(zoo, tmp_path):
    text = (zoo / 'metafile.yml').read_text()
    (zoo / 'metafile.yml').write_text(text.replace('[second, third]', 'tiny'))
    with pytest.raises(ValueError, match="the name 'tiny' belongs to tiny and other"):
        known_models()
    for weights, sha256 in (('../x.safetensors', 'a'), ('mmxas/x.safetensors', None)):
        with pytest.raises(ValueError, match='expected a path that begins with mmxas/, and its SHA256'):
            ZooModel.from_entry(dict(Name='a', Config='a.py', Weights=weights, SHA256=sha256), tmp_path / 'm.yml')


def test_every_entry_of_the_metafiles_has_its_config_and_whole_weights():
    models = known_models()
    assert len(models) > 20 and all(model.config.is_file() for model in models)
    ready = [model for model in models if model.weights]
    assert sorted(alias for model in ready for alias in model.aliases) == ['dog', 'human']
    for model in ready:
        path = model.require_weights()
        assert path.stat().st_size <= MOST_BYTES
        assert path.name in (path.parent / 'NOTICE').read_text()
        state = read_safetensors(path)['state_dict']
        types = {tensor.dtype for name, tensor in state.items() if 'running_' not in name}
        assert types == {torch.float16, torch.int64}
