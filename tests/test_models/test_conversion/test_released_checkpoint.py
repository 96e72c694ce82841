import re

import pytest
import torch

from mmxas.models.conversion import from_released, to_released
from mmxas.models.conversion.released_checkpoint import body_model_buffers

WEIGHT = 'regressor.net.head.features.0.weight'


def equal(left, right):
    return left.keys() == right.keys() and all(torch.equal(left[key], right[key]) for key in left)


def test_there_and_back_gives_equal_tensors(released, reference):
    converted = from_released(released, reference)
    assert converted.state_dict.keys() == reference.keys()
    torch.testing.assert_close(converted.state_dict['head.deconv_layers.0.0.weight'],
                               released['unsup_model'][WEIGHT], rtol=0, atol=0)
    back = to_released(converted.state_dict, reference, converted.epochs, body_model_buffers(released))
    assert back['epochs'] == 14
    for name in ('unsup_model', 'unsup_disc'):
        assert equal(back[name], released[name])


def test_what_is_left_out_is_reported(released, reference):
    converted = from_released(released, reference)
    assert converted.body_model == ['unsup_model/smpl_layer.th_v_template', 'unsup_disc/smpl_layer.th_v_template']
    assert converted.left_out == ['optimizer_detector', 'optimizer_discriminator']
    without = to_released(converted.state_dict, reference)
    assert not any(key.startswith('smpl_layer') for key in without['unsup_model'])


def test_a_missing_and_an_unknown_tensor_are_named(released, reference):
    released['unsup_model']['regressor.net.neck.weight'] = released['unsup_model'].pop(WEIGHT)
    with pytest.raises(ValueError, match=re.escape(
            f'a.pth.tar: 1 tensors are missing (unsup_model/{WEIGHT}); 1 tensors are of another network '
            '(unsup_model/regressor.net.neck.weight)')):
        from_released(released, reference, 'a.pth.tar')


def test_another_size_is_named_with_both_shapes(released, reference):
    released['unsup_model'][WEIGHT] = torch.zeros(32, 8, 4, 4)
    with pytest.raises(ValueError, match=re.escape(f'{WEIGHT} has the shape (32, 8, 4, 4), but (32, 4, 4, 4) is')):
        from_released(released, reference)
    released['unsup_model'][WEIGHT] = [1.0]
    with pytest.raises(ValueError, match=f'{WEIGHT} is a list, a tensor expected'):
        from_released(released, reference)


@pytest.mark.parametrize('content, message', [
    ([1], 'x: a dictionary expected, list found; not a released checkpoint'),
    ({}, "x: no dictionary 'unsup_model', which a released checkpoint has (it has nothing)"),
    ({'state_dict': {}, 'meta': {}}, '(a checkpoint of mmengine, it has state_dict)'),
    ({'unsup_model': {}, 'epochs': 3}, "x: no dictionary 'unsup_disc', which a released checkpoint has (it has epochs, "
                                       'unsup_model)')])
def test_another_content_is_refused_by_what_it_is(content, message, reference):
    with pytest.raises(ValueError, match=re.escape(message)):
        from_released(content, reference, 'x')


def test_the_state_of_another_model_is_not_released(reference):
    with pytest.raises(ValueError, match=r'x: \d+ tensors are missing \(backbone'):
        to_released({}, reference, source='x')


@pytest.mark.parametrize('change, message', [
    (lambda t: t.half(), r'holds torch.float16, torch.float32 expected'),
    (lambda t: t.int(), r'holds torch.int32, torch.float32 expected'),
    (lambda t: t * float('nan'), r'holds 2048 numbers that are not finite'),
    (lambda t: t.to_sparse(), r'is of torch.sparse_coo on cpu, torch.strided on the cpu expected'),
    (lambda t: t.to('meta'), r'is of torch.strided on meta, torch.strided on the cpu expected')])
def test_tensors_without_usable_numbers_are_named(released, reference, change, message):
    released['unsup_model'][WEIGHT] = change(released['unsup_model'][WEIGHT])
    with pytest.raises(ValueError, match=f'a.pth.tar: unsup_model/{WEIGHT} {message}'):
        from_released(released, reference, 'a.pth.tar')


@pytest.mark.parametrize('epochs', ['x', 1.5, True])
def test_epochs_are_a_number(released, reference, epochs):
    with pytest.raises(ValueError, match=f'a: epochs is {epochs!r}, a whole number expected'):
        from_released({**released, 'epochs': epochs}, reference, 'a')
    del released['epochs']
    assert from_released(released, reference).epochs is None
