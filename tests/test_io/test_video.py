"""Frame i is the i-th that the file decodes to, however it is reached."""
import pickle
from types import SimpleNamespace
from unittest.mock import MagicMock

import av
import numpy as np
import pytest
import tiny_videos
from tiny_videos import decoded, number_of, numbered, write_video
from torch.utils.data import DataLoader

from mmxas.io import VideoReader, iterate_video, video
from mmxas.io.images import UnreadableImageError

NUM = 40
ORDER = [*np.random.default_rng(0).permutation(NUM).tolist(), *range(NUM), *range(NUM - 1, -1, -1), 3, 3]
# Milliseconds between frames as a phone records them: never the same, with a gap.
UNEVEN = np.cumsum([0, *np.random.default_rng(1).integers(20, 60, 19).tolist(), 900,
                    *np.random.default_rng(2).integers(20, 60, 19).tolist()]).tolist()
B_FRAMES = dict(g='12', bf='3')


def constant(folder):
    return write_video(folder / 'constant.mp4', **B_FRAMES)


def variable(folder):
    return write_video(folder / 'variable.mp4', times=UNEVEN, **B_FRAMES)


def edit_list(folder):
    return tiny_videos.trimmed(write_video(folder / 'whole.mp4', NUM + 17, **B_FRAMES), folder / 'edited.mp4', 17)


def edit_list_of_the_end(folder):
    whole = write_video(folder / 'whole.mp4', NUM + 17, **B_FRAMES)
    return tiny_videos.patched(whole, folder / 'ends.mp4', b'elst', 8, [NUM * 40])


def long_sound(folder):
    return write_video(folder / 'sound.mkv', audio=4, **B_FRAMES)


def quarter_turn(folder):
    return tiny_videos.turned(constant(folder), folder / 'turned.mp4', 0, 1, -1, 0)


def open_groups(folder):
    return write_video(folder / 'open.mp4', **{'x264-params': 'open-gop=1:keyint=12:bframes=3'})


def open_groups_of_hevc(folder):
    return write_video(folder / 'hevc.mp4', codec='libx265',
                       **{'x265-params': 'open-gop=1:keyint=12:bframes=4:log-level=none'})


def refreshed_bit_by_bit(folder):
    return write_video(folder / 'refresh.ts', bf='0', **{'x264-params': 'intra-refresh=1:keyint=12'})


def times_out_of_order(folder):
    def swap(number, packet):
        packet.pts += {10: 1, 11: -1}.get(number, 0) * packet.duration
        packet.dts -= 4 * packet.duration
    return tiny_videos.remux(write_video(folder / 'plain.mp4', g='12', bf='0'), folder / 'swapped.mp4', swap)


def hidden_frames(folder):
    return write_video(folder / 'hidden.webm', codec='libvpx', g='12',
                       **{'auto-alt-ref': '1', 'lag-in-frames': '16'})


def divx(folder):
    return write_video(folder / 'divx.avi', codec='mpeg4', g='12', bf='2')


def no_times(folder):
    return write_video(folder / 'raw.h264', **B_FRAMES)


def broadcast(folder):
    return write_video(folder / 'broadcast.ts', **B_FRAMES)


def still_frames(folder):
    return write_video(folder / 'still.mov', codec='mjpeg', pixels='yuvj420p')


KINDS = [constant, variable, edit_list, edit_list_of_the_end, long_sound, quarter_turn, open_groups,
         open_groups_of_hevc, refreshed_bit_by_bit, times_out_of_order, hidden_frames, divx, no_times, broadcast,
         still_frames]


@pytest.mark.parametrize('kind', KINDS)
def test_random_access_is_sequential_decoding(tmp_path, kind):
    path = kind(tmp_path)
    frames, reader = list(decoded(path)), VideoReader(path)
    if kind is quarter_turn:
        frames = [np.rot90(frame, -1) for frame in frames]
    assert len(reader) == len(frames) == NUM
    for index in ORDER:
        np.testing.assert_array_equal(reader[index], frames[index], err_msg=f'frame {index}')
    for number, frame in iterate_video(path, 7):
        np.testing.assert_array_equal(frame, frames[number])
    first = 17 if kind is edit_list else 0
    if kind is not quarter_turn:
        assert [number_of(reader[i]) for i in (0, 1, 20, NUM - 1)] == [first, first + 1, first + 20, first + NUM - 1]


@pytest.mark.parametrize('kind', [constant, edit_list, hidden_frames, times_out_of_order])
def test_what_can_be_read_is_the_whole_of_a_whole_file(tmp_path, kind):
    path = kind(tmp_path)
    reader = VideoReader(path, complete=False)
    assert len(reader) == NUM
    np.testing.assert_array_equal(reader[23], list(decoded(path))[23])


@pytest.mark.parametrize(('matrix', 'shown'), [
    ((0, 1, -1, 0), lambda image: np.rot90(image, -1)), ((0, -1, 1, 0), np.rot90),
    ((-1, 0, 0, -1), lambda image: image[::-1, ::-1]), ((-1, 0, 0, 1), lambda image: image[:, ::-1]),
    ((0, 1, 1, 0), lambda image: image.swapaxes(0, 1))])
def test_frames_are_turned_and_mirrored_as_players_do(tmp_path, matrix, shown):
    plain = constant(tmp_path)
    reader = VideoReader(tiny_videos.turned(plain, tmp_path / 'turned.mp4', *matrix))
    right = shown(next(decoded(plain)))
    np.testing.assert_array_equal(reader[0], right)
    assert reader.shape == right.shape[:2] and reader[0].flags.c_contiguous


def test_channels_are_red_green_blue(tmp_path):
    reader = VideoReader(write_video(tmp_path / 'a.mp4', images=[np.full((32, 32, 3), (250, 120, 10), np.uint8)] * 3))
    assert reader[1].dtype == np.uint8 and abs(reader[1].mean((0, 1)) - [250, 120, 10]).max() < 6
    np.testing.assert_array_equal(reader.read(1, 'bgr24'), reader[1][..., ::-1])


def test_frames_have_the_size_of_the_first(tmp_path):
    for name, size in (('a', (96, 64)), ('b', (48, 32))):
        write_video(tmp_path / f'{name}.ts', images=[numbered(i, size) for i in range(5)], codec='mpeg2video')
    (tmp_path / 'both.ts').write_bytes((tmp_path / 'a.ts').read_bytes() + (tmp_path / 'b.ts').read_bytes())
    reader = VideoReader(tmp_path / 'both.ts')
    numbers = [number_of(reader[i]) for i in range(len(reader))]
    assert numbers[:4] == [0, 1, 2, 3] and numbers[-3:] == [2, 3, 4]
    assert {reader[i].shape for i in range(len(reader))} == {(64, 96, 3)}


def test_frames_that_are_not_there(tmp_path):
    reader = VideoReader(constant(tmp_path))
    for index in (-1, NUM):
        with pytest.raises(IndexError, match=f'frame {index} of {NUM}'):
            reader[index]
    assert sum(1 for _ in reader) == NUM
    with pytest.raises(ValueError, match='step=0'):
        next(iterate_video(tmp_path / 'constant.mp4', 0))


def test_frames_are_not_decoded_to_count_them(tmp_path, monkeypatch):
    path = constant(tmp_path)
    monkeypatch.setattr(VideoReader, '_count_frames', None)
    reader = VideoReader(path)
    reader[5]
    monkeypatch.setattr(reader, '_seek', None)
    assert [number_of(reader[i]) for i in (5, 6, 9)] == [5, 6, 9]  # goes on where it stands


@pytest.mark.parametrize(('stamps', 'counted'), [((0, 40, None), ([0, 40], [0], 2)), ((None, 40, 80), None)])
def test_a_discarded_packet_may_lack_its_time(monkeypatch, stamps, counted):
    packets = [SimpleNamespace(pts=pts, is_keyframe=i == 0, is_discard=pts is None, is_corrupt=False, size=1)
               for i, pts in enumerate(stamps)]
    container = MagicMock()
    container.format.name, container.demux.return_value = 'mov,mp4', packets
    stream = SimpleNamespace(codec_context=SimpleNamespace(name='h264'))
    monkeypatch.setattr(video, '_open', lambda *_: (container, stream))
    assert VideoReader._count_packets(SimpleNamespace(path='a.mp4')) == counted


def test_other_processes_open_the_file_anew(tmp_path):
    reader = VideoReader(constant(tmp_path))
    right = reader[30]
    copy = pickle.loads(pickle.dumps(reader))
    np.testing.assert_array_equal(copy[30], right)
    loader = DataLoader(reader, batch_size=None, sampler=[31, 5, 6], num_workers=1, multiprocessing_context='fork',
                        timeout=60)
    assert [number_of(frame.numpy()) for frame in loader] == [31, 5, 6]
    np.testing.assert_array_equal(reader[31], copy[31])


@pytest.mark.parametrize(('name', 'container', 'options'), [
    ('early.mp4', dict(movflags='faststart'), B_FRAMES), ('a.mkv', {}, B_FRAMES),
    ('a.avi', {}, dict(codec='mpeg4', g='12'))])
def test_truncated_videos_are_told(tmp_path, name, container, options):
    whole = write_video(tmp_path / name, container=container, **options).read_bytes()
    cut = tmp_path / f'cut_{name}'
    cut.write_bytes(whole[:len(whole) * 2 // 3])
    message = rf'cut_{name}: truncated video, the file lacks {len(whole) - len(cut.read_bytes())} of the bytes'
    with pytest.raises(UnreadableImageError, match=message):
        VideoReader(cut)
    with pytest.raises(UnreadableImageError, match=message):
        list(iterate_video(cut))
    rest = VideoReader(cut, complete=False)
    assert 5 < len(rest) < NUM and [number_of(rest[i]) for i in (len(rest) - 2, 2)] == [len(rest) - 2, 2]


def test_bad_files_are_named(tmp_path):
    with pytest.raises(UnreadableImageError, match=r'none\.mp4: no such video'):
        VideoReader(tmp_path / 'none.mp4')
    (tmp_path / 'text.mp4').write_text('no video')
    with pytest.raises(UnreadableImageError, match=r'text\.mp4: not a video that FFmpeg reads \(Invalid data'):
        VideoReader(tmp_path / 'text.mp4')
    late = constant(tmp_path).read_bytes()  # its index stands at the end: nothing of it can be read
    (tmp_path / 'cut.mp4').write_bytes(late[:len(late) // 2])
    for complete in (True, False):
        with pytest.raises(UnreadableImageError, match=r'cut\.mp4: truncated video'):
            VideoReader(tmp_path / 'cut.mp4', complete)
    with av.open(str(tmp_path / 'sound.wav'), 'w') as output:
        sound = output.add_stream('pcm_s16le', rate=8000, layout='mono')
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), format='s16', layout='mono')
        frame.sample_rate = 8000
        output.mux(sound.encode(frame))
    with pytest.raises(UnreadableImageError, match=r'sound\.wav: no video in this file'):
        VideoReader(tmp_path / 'sound.wav')


def test_a_play_list_opens_no_other_file(tmp_path):
    constant(tmp_path)
    (tmp_path / 'list.mp4').write_text('#EXTM3U\n#EXTINF:2,\nhttp://127.0.0.1:9/a.ts\n')
    with pytest.raises(UnreadableImageError, match=r'list\.mp4'):
        VideoReader(tmp_path / 'list.mp4')


def test_a_damaged_frame_is_told_and_can_be_left_out(tmp_path):
    path = still_frames(tmp_path)
    with av.open(str(path)) as container:
        place, size = next((packet.pos, packet.size) for i, packet in enumerate(container.demux(video=0)) if i == 12)
    content = bytearray(path.read_bytes())
    content[place:place + size] = bytes(size)
    path.write_bytes(content)
    reader = VideoReader(path)
    assert len(reader) == NUM and number_of(reader[11]) == 11
    for _ in range(2):
        with pytest.raises(UnreadableImageError, match=f'frame 12 cannot be decoded.*: {NUM - 1} of {NUM}'):
            reader[12]
    assert number_of(reader[13]) == 13
    rest = VideoReader(path, complete=False)
    assert len(rest) == NUM - 1 and [number_of(rest[i]) for i in (11, 12)] == [11, 13]


def test_a_colon_in_the_name_is_no_protocol(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_video(tmp_path / '12:30.mp4', 3)
    assert len(VideoReader('12:30.mp4')) == 3
