import pytest
from mmengine.config import Config

from mmxas.cli.work_directory import check_unused, held, require_writable_file
from mmxas.errors import UsageError


def test_a_file_that_cannot_be_written_is_named_with_its_option(tmp_path):
    require_writable_file(str(tmp_path / 'new' / 'a.json'), '--out')
    assert list((tmp_path / 'new').iterdir()) == []
    with pytest.raises(UsageError, match=f'^--out {tmp_path}: this is a folder'):
        require_writable_file(str(tmp_path), '--out')
    (tmp_path / 'file').touch()
    with pytest.raises(UsageError, match='file: cannot write into this folder of --out .*another with --out'):
        require_writable_file(str(tmp_path / 'file' / 'a.json'), '--out')


def test_checkpoints_of_another_training_are_not_written_over(tmp_path):
    check_unused(Config(dict(work_dir=str(tmp_path))))
    (tmp_path / 'last_checkpoint').write_text('there/epoch_3.pth')
    check_unused(Config(dict(work_dir=str(tmp_path), resume=True)))
    with pytest.raises(UsageError, match=r'of another training \(epoch_3.pth is the last\); --resume'):
        check_unused(Config(dict(work_dir=str(tmp_path))))


def test_one_training_holds_a_folder_at_a_time(tmp_path):
    with held(str(tmp_path)), pytest.raises(UsageError, match='another training is running'), held(str(tmp_path)):
        pass
    with held(str(tmp_path)):
        pass
