import pytest
from mmengine.config import Config

from mmxas.cli.work_directory import check_unused, held, require_place, require_writable_file
from mmxas.errors import UsageError


def test_a_file_that_cannot_be_written_is_named_with_its_option(tmp_path):
    require_writable_file(str(tmp_path / 'new' / 'a.json'), '--out')
    assert list((tmp_path / 'new').iterdir()) == []
    with pytest.raises(UsageError, match=f'^--out {tmp_path}: this is a folder'):
        require_writable_file(str(tmp_path), '--out')
    (tmp_path / 'file').touch()
    with pytest.raises(UsageError, match='file: cannot write into this folder of --out .*another with --out'):
        require_writable_file(str(tmp_path / 'file' / 'a.json'), '--out')


def test_a_place_is_checked_without_making_the_folder(tmp_path):
    require_place(tmp_path / 'new' / 'deep', 'output folder', '--out-dir')
    require_place(tmp_path, 'output folder', '--out-dir')
    assert list(tmp_path.iterdir()) == []
    (file := tmp_path / 'file').touch()
    with pytest.raises(UsageError, match=r'file: cannot write into this output folder \(it is a file\); .*--out-dir$'):
        require_place(file, 'output folder', '--out-dir')
    with pytest.raises(UsageError, match=f'^{file}: cannot .* place of the output folder {file / "a"} .it is a file'):
        require_place(file / 'a', 'output folder', '--out-dir')


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
