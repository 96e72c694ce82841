import pytest
from mmengine.config import Config
from mmengine.registry import DefaultScope

from mmxas.compat.config_paths import config_path
from mmxas.models.conversion import released_names
from mmxas.registry import MODELS


def test_parity_every_tensor_has_its_released_name_and_shape(parity):
    layout = parity('official_checkpoint_layout.json')
    cfg = Config.fromfile(config_path('xas_h36m_released.py'))
    with DefaultScope.overwrite_default_scope('mmpose'):
        state = MODELS.build(cfg.model).state_dict()
    found = {name: {} for name in ('unsup_model', 'unsup_disc')}
    for ours, (name, key) in released_names(state).items():
        found[name][key] = list(state[ours].shape)
    assert found == {name: layout[name] for name in found}


@pytest.mark.parametrize('ours, released', [
    ('backbone.layer1.0.bn2.weight', 'regressor.net.backbone.layer1.0.bn2.weight'),
    ('head.deconv_layers.1.0.weight', 'regressor.net.head.features.3.weight'),
    ('head.final_layer.bias', 'regressor.net.head.features.6.bias'),
    ('physique.encoder.1.norm.bias', 'physique_network.encoder.1.1.bias'),
    ('physique.decoder.1.norm.bias', 'physique_network.decoder.1.2.bias'),  # one later: the block upsamples first
    ('physique.output.bias', 'physique_network.decoder.2.bias'),
    ('discriminator.bone_branch.residual.0.second.conv.lin_l.weight', 'smpl_discriminator.bone_gcn.0.gc2.lin_l.weight'),
    ('discriminator.keypoint_branch.refine.norm.weight', 'smpl_discriminator.joint_gcn.1.ln1.weight'),
    ('discriminator.head.output.bias', 'smpl_discriminator.header.layer2.bias')])
def test_positions_follow_from_the_number_of_layers(ours, released):
    names = ['head.deconv_layers.0.0.weight', 'head.deconv_layers.1.0.weight', 'physique.decoder.0.conv.bias',
             'physique.decoder.1.conv.bias', 'discriminator.keypoint_branch.residual.0.first.conv.lin_l.bias', ours]
    dictionary = 'unsup_disc' if ours.startswith('discriminator') else 'unsup_model'
    assert released_names(names)[ours] == (dictionary, released)


@pytest.mark.parametrize('name', ['neck.conv.weight', 'head.conv_layers.0.0.weight', 'discriminator.layers.0.weight',
                                  'physique.decoder.0.other.weight'])
def test_a_tensor_of_another_network_is_named(name):
    with pytest.raises(ValueError, match=f'{name}: the released networks have no such tensor. Build the model of'):
        released_names([name])
