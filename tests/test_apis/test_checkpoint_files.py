import pytest
import torch
from mmengine.config import Config

from mmxas.apis.checkpoint_files import check_newest_checkpoint, check_run_state, require_checkpoint
from mmxas.errors import UsageError


def test_a_missing_checkpoint_is_named_and_a_url_is_not_looked_for(tmp_path):
    with pytest.raises(UsageError, match='gone.pth: no such checkpoint file'):
        require_checkpoint(str(tmp_path / 'gone.pth'))
    assert require_checkpoint('https://host/weights.pth') == 'https://host/weights.pth'


def test_half_a_checkpoint_is_named_and_so_are_the_others_beside_it(tmp_path):
    whole, half = tmp_path / 'epoch_1.pth', tmp_path / 'epoch_2.pth'
    torch.save(dict(a=torch.zeros(9)), whole)
    half.write_bytes(whole.read_bytes()[:-200])
    check_newest_checkpoint(str(tmp_path))  # a first run has no last_checkpoint
    (tmp_path / 'last_checkpoint').write_text(str(half))
    with pytest.raises(UsageError, match='epoch_2.pth: the end .* is missing.*there are: .*epoch_1.pth'):
        check_newest_checkpoint(str(tmp_path))
    assert require_checkpoint(str(whole)) == str(whole)


def test_weights_alone_do_not_resume(tmp_path):
    torch.save(dict(a=torch.zeros(9)), tmp_path / 'a.pth')
    check_run_state(Config(dict(load_from=str(tmp_path / 'a.pth'), resume=False)))
    with pytest.raises(UsageError, match='a.pth: training cannot resume from it, it has no meta, message_hub'):
        check_run_state(Config(dict(load_from=str(tmp_path / 'a.pth'), resume=True)))
