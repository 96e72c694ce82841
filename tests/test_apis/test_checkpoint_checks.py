import pytest
import torch

from mmxas.apis.checkpoint_checks import check_begins, check_fits, check_resumes, tensors_of


@pytest.fixture
def model():
    """Something with a backbone and what only training needs."""
    return torch.nn.ModuleDict(dict(backbone=torch.nn.BatchNorm1d(2), discriminator=torch.nn.Linear(1, 1)))


def test_a_detector_has_each_of_its_tensors(model):
    state = {name: value for name, value in model.state_dict().items() if name.startswith('backbone.')}
    check_fits(model, state)
    check_fits(model, dict(state_dict={f'module.{name}': value for name, value in state.items()}))
    for wrong, message in (({}, "no tensor 'backbone.weight'"), ([], 'state_dict is a list'),
                           (dict(state, **{'backbone.num_batches_tracked': 'text'}), r'has shape \(\), this config'),
                           (dict(state, **{'backbone.bias': torch.tensor([1, float('nan')])}),
                            "'backbone.bias' is not finite: the training diverged")):
        with pytest.raises(ValueError, match=message):
            check_fits(model, dict(state_dict=wrong))


def test_of_another_model_every_tensor_is_finite():
    model = torch.nn.ModuleDict(dict(encoder=torch.nn.Linear(2, 1)))
    state = model.state_dict()
    check_fits(model, dict(state_dict=state))
    with pytest.raises(ValueError, match="'encoder.bias' is not finite"):
        check_fits(model, {**state, 'encoder.bias': torch.tensor([float('nan')])})
    with pytest.raises(ValueError, match='none of its 1 tensors'):
        check_fits(model, {'decoder.bias': torch.zeros(1)})


def test_a_training_begins_from_some_finite_tensor(model):
    check_begins(model, dict(state_dict={'module.discriminator.weight': torch.ones(1, 1), 'other': torch.ones(3)}))
    check_begins(model, {'backbone.weight': torch.ones(2), 'other': torch.tensor(float('nan'))})
    for wrong, message in (
            ({'backbone.weight': torch.ones(3), 'other': 1}, r'none of its 2 tensors \(backbone.weight, other\) is one '
             r'of the 7 of this model \(backbone.weight, backbone.bias, …\)'),
            ({'discriminator.bias': torch.tensor([float('inf')])}, "'discriminator.bias' is not finite")):
        with pytest.raises(ValueError, match=message):
            check_begins(model, wrong)


def test_a_training_goes_on_from_more_than_weights():
    check_resumes(dict(meta={}, message_hub={}, state_dict={}))
    with pytest.raises(ValueError, match='training cannot resume from it, it has no meta, message_hub; .*load_from'):
        check_resumes(dict(state_dict={}))


def test_tensors_are_called_as_in_the_model():
    assert tensors_of({'module.a': 1, 'b.module.c': 2}) == {'a': 1, 'b.module.c': 2}
