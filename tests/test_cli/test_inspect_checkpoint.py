"""``mmxas inspect`` says what is in a file, and what speaks against it."""
import json
import os

import torch


class Calls:
    def __init__(self, canary):
        self.canary = canary

    def __reduce__(self):
        return os.system, (f'touch {self.canary}',)


def test_good_and_bad_files(load_command, tmp_path, capsys):
    def run(*arguments) -> int:
        return load_command('inspect_checkpoint').main([str(argument) for argument in arguments])

    torch.save({'state_dict': {'a': torch.zeros(2)}}, tmp_path / 'good.pth')
    torch.save({'a': Calls(tmp_path / 'canary')}, tmp_path / 'bad.pth')
    assert run(tmp_path / 'good.pth') == 0
    assert 'no reason to refuse it' in capsys.readouterr().out
    assert run(tmp_path / 'good.pth', tmp_path / 'bad.pth') == 1
    assert 'REFUSED: names posix.system' in capsys.readouterr().out
    assert run('--json', tmp_path / 'bad.pth') == 1
    assert json.loads(capsys.readouterr().out)[0]['pickles']['bad/data.pkl']['imports'] == ['posix.system']
    assert not (tmp_path / 'canary').exists()
    assert run(tmp_path / 'none.pth') == 2
