from tiny_videos import write_video

from mmxas.io.truncation import missing_bytes


def test_what_a_cut_file_lacks(tmp_path):
    for name, options in (('a.mp4', {}), ('a.mkv', {}), ('a.avi', dict(codec='mpeg4'))):
        path = write_video(tmp_path / name, 12, **options)
        whole = path.read_bytes()
        assert missing_bytes(path) == 0, name
        path.write_bytes(whole[:-10])
        assert missing_bytes(path) == 10, name
        path.write_bytes(whole[:len(whole) // 2])
        assert missing_bytes(path) > 100, name


def test_what_stands_behind_a_whole_file_is_nothing_missing(tmp_path):
    for name in ('a.mp4', 'a.mov'):
        path = write_video(tmp_path / name, 12)
        path.write_bytes(path.read_bytes() + b'\x7f\xff\xff\xffcamera data of its maker')
        assert missing_bytes(path) == 0


def test_boxes_of_other_lengths(tmp_path):
    start = b'\x00\x00\x00\x10ftypisom\x00\x00\x00\x00'
    for box, missing in ((b'\x00\x00\x00\x01mdat' + (1 << 33).to_bytes(8), (1 << 33) - 20),
                         (b'\x00\x00\x00\x00mdat' + bytes(12), 0), (b'\x00\x00\x00\x20moov' + bytes(12), 12)):
        (tmp_path / 'a.mp4').write_bytes(start + box.ljust(20, b'\x00'))
        assert missing_bytes(tmp_path / 'a.mp4') == missing


def test_recordings_that_say_no_length(tmp_path):
    live = write_video(tmp_path / 'live.mkv', 12, container=dict(live='1'))
    live.write_bytes(live.read_bytes()[:-30])
    assert missing_bytes(live) == 0
    (tmp_path / 'a.ts').write_bytes(write_video(tmp_path / 'b.ts', 12).read_bytes()[:1000])
    assert missing_bytes(tmp_path / 'a.ts') == 0
    (tmp_path / 'empty.mp4').write_bytes(b'')
    assert missing_bytes(tmp_path / 'empty.mp4') == 0
