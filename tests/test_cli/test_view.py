"""``mmxas view`` writes the page of what infer wrote; a mistake is one line."""
import pytest
from tiny_poses import poses_of, tiny_record, write_clip, write_photos
from tiny_videos import write_video


@pytest.fixture
def view(load_command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return load_command('view').main


def records(count):
    return [tiny_record(image_size=dict(width=96, height=64)) for _ in range(count)]


def test_a_clip_becomes_a_page_in_its_folder(view, tmp_path, capsys):
    write_clip(tmp_path / 'out', records(4), write_video(tmp_path / 'clip.mp4', 4))
    assert view(['out']) == 0
    assert capsys.readouterr().out == 'out/poses.html: 0.6 MB, for any browser\n'
    assert len(poses_of(tmp_path / 'out' / 'poses.html')['frames']) == 4


def test_options_choose_the_file_the_frames_the_size_and_the_notice(view, tmp_path, capsys):
    write_clip(tmp_path / 'out', records(4))
    (tmp_path / 'NOTICE').write_text('(c) someone')
    assert view(['out', '--out', 'new/page.html', '--every', '2', '--max-mb', '1', '--notice', 'NOTICE']) == 0
    page = tmp_path / 'new' / 'page.html'
    assert [frame['name'] for frame in poses_of(page)['frames']] == ['frame 0', 'frame 2']
    assert '<footer>(c) someone</footer>' in page.read_text()
    assert capsys.readouterr().err == ('mmxas view: 2 of 2 images left out, the page shows their poses alone: '
                                       'gone.mp4: no such video\n')


@pytest.mark.parametrize(('arguments', 'message'), [
    (['none'], 'none: no predictions/*.json and no predictions.jsonl there; give the --out-dir of mmxas infer'),
    (['clip.mp4'], 'clip.mp4: a video; mmxas infer clip.mp4 --html finds its poses and writes the page'),
    (['out', '--out', 'out'], '--out out: a folder; give a file, such as out/poses.html'),
    (['out', '--out', 'file/page.html'], "[Errno 17] File exists: 'file'"),
    (['out', '--notice', 'none'], "[Errno 2] No such file or directory: 'none'"),
    (['out', '--every', '0'], 'argument --every: 0 given, 1 or more expected'),
    (['two'], 'two/predictions/b.json: the skeleton other of 4 keypoints, tiny of 4 keypoints in '
              'two/predictions/a.json; make a page of each'),
])
def test_a_mistake_is_one_line_and_nothing_is_written(view, tmp_path, capsys, arguments, message):
    write_clip(tmp_path / 'out', records(1))
    other = tiny_record(skeleton=dict(name='other', keypoints=list('abcd'), links=[]))
    write_photos(tmp_path / 'two', a=tiny_record(), b=other)
    (tmp_path / 'file').write_text('')
    try:
        assert view(arguments) == 2
    except SystemExit as error:
        assert error.code == 2
    error, = capsys.readouterr().err.splitlines()
    assert error.startswith(f'mmxas view: {message}')
    assert list(tmp_path.rglob('*.html')) == [] and list(tmp_path.rglob('.*.tmp')) == []
