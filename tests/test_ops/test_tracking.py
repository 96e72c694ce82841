import numpy as np
import pytest

from mmxas.ops.tracking import Tracks, predict_boxes, update_tracks


def box(x, y=100.0, width=60.0, height=160.0):
    """A box of a standing body about a point."""
    return [x - width / 2, y - height / 2, x + width / 2, y + height / 2]


def follow(clip, **options):
    """Identities of the boxes of each frame; ``clip`` maps its number to boxes."""
    tracks, found = Tracks(), {}
    for frame, boxes in clip.items():
        ids, tracks = update_tracks(tracks, np.array(boxes, dtype=float).reshape(-1, 4), frame, **options)
        found[frame] = ids.tolist()
    return found, tracks


def test_two_people_who_cross_keep_their_numbers():
    """They meet at frame 20, where only one of them is found for seven frames; the order of the boxes changes."""
    clip = {}
    for t in range(41):
        left, right = box(100 + 10 * t), box(500 - 10 * t, 104)
        clip[t] = [left] if 17 <= t <= 23 else [left, right] if t % 2 else [right, left]
    found, _ = follow(clip)
    assert found[0] == [0, 1]  # the first box is the one on the right
    for t in range(41):
        assert found[t] == ([1] if 17 <= t <= 23 else [1, 0] if t % 2 else [0, 1])


def test_crossing_at_key_frames_needs_the_motion():
    """At every 15th frame each stands where the other one stood before."""
    clip = {15 * i: [box(100 + 100 * i), box(600 - 100 * i)] for i in range(6)}
    assert clip[45][0] == clip[30][1]
    found, _ = follow(clip, reach=1.0)
    assert all(ids == [0, 1] for ids in found.values())


@pytest.mark.parametrize('absent, number', [(44, 0), (45, 1)])
def test_who_leaves_and_returns_keeps_the_number_for_a_while(absent, number):
    """Somebody walks out at the left and comes in there again: where the motion leads is not the place."""
    clip = {t: [box(90 - 15 * t)] for t in range(5)}
    clip |= {t: [] for t in range(5, 5 + absent)}
    clip[5 + absent] = [box(32)]
    found, tracks = follow(clip)
    assert [found[t] for t in range(5)] == [[0]] * 5 and found[6] == []
    assert found[5 + absent] == [number] and tracks.next_id == number + 1


def test_the_absence_counts_from_when_a_body_was_last_seen():
    assert follow({0: [box(0)], 10: [box(0)]}, max_absence=10)[0] == {0: [0], 10: [0]}
    assert follow({0: [box(0)], 11: [box(0)]}, max_absence=10)[0] == {0: [0], 11: [1]}


def test_an_empty_frame():
    ids, tracks = update_tracks(Tracks(), np.zeros((0, 4)), 0)
    assert ids.shape == (0, ) and ids.dtype == np.int64 and tracks.next_id == 0
    assert follow({0: [], 1: [box(50)], 2: [], 3: [box(50), box(300)]})[0] == {0: [], 1: [0], 2: [], 3: [0, 1]}


def test_a_box_that_jumps_is_somebody_else():
    found, tracks = follow({0: [box(100)], 1: [box(100)], 2: [box(700)], 3: [box(702), box(101)]})
    assert found == {0: [0], 1: [0], 2: [1], 3: [1, 0]}
    assert tracks.ids.tolist() == [1, 0]


def test_a_short_jump_is_within_reach():
    """90 px of a box that is 60 wide: no overlap, but boxes grown by half of it have some."""
    assert follow({0: [box(100)], 1: [box(190)]})[0][1] == [0]
    assert follow({0: [box(100)], 1: [box(190)]}, reach=0.0)[0][1] == [1]
    assert follow({0: [box(100)], 1: [box(190)]}, min_overlap=0.15)[0][1] == [1]  # 30 / (2 * 120 - 30)


def test_the_sum_of_overlaps_decides_and_not_the_best_one():
    """The left box fits body 1 best (0.6), but the two others (0.41 and 0.5) fit together."""
    clip = {0: [box(100), box(140)], 1: [box(125), box(160)]}
    assert follow(clip)[0][1] == [0, 1]


def test_predicted_places():
    _, tracks = follow({0: [box(100)], 2: [box(110, 96)], 4: [box(124, 96), box(400)]})
    # The velocity of the centre: (5, -2), then the mean of it and (7, 0).
    np.testing.assert_allclose(tracks.velocities, [[6, -1], [np.nan, np.nan]])
    np.testing.assert_allclose(predict_boxes(tracks, 7), [box(142, 93), box(400)])
    np.testing.assert_allclose(tracks.boxes, [box(124, 96), box(400)])


def test_it_is_a_function_of_what_it_is_given():
    boxes = np.array([box(100), box(300)])
    _, tracks = update_tracks(Tracks(), boxes, 0)
    kept = [np.copy(part) for part in tracks[:4]]
    first, second = (update_tracks(tracks, boxes[::-1] + 3, 1) for _ in range(2))
    assert first[0].tolist() == second[0].tolist() == [1, 0]
    for one, other, before, after in zip(first[1][:4], second[1][:4], kept, tracks[:4]):
        np.testing.assert_array_equal(one, other)
        np.testing.assert_array_equal(before, after)
    boxes[:] = 0
    np.testing.assert_array_equal(tracks.boxes[0], box(100))
    assert Tracks().ids.shape == (0, )


def test_what_is_known_does_not_grow_with_the_clip():
    """10,000 frames with somebody who stays, and a new body at another place in each."""
    tracks, sizes = Tracks(), []
    for frame in range(10_000):
        ids, tracks = update_tracks(tracks, np.array([box(0), box(200 + 150 * (frame % 100))]), frame, max_absence=20)
        sizes.append(len(tracks.ids))
        assert ids[0] == 0
    assert sizes[20:] == [22] * (10_000 - 20)  # who stays, the new one, and those of 20 frames
    assert tracks.next_id == 10_001 and all(len(part) == 22 for part in tracks[:4])


@pytest.mark.parametrize('boxes, options, message', [
    ([[0, 0, 1]], {}, r'boxes: shape \(M, 4\) expected, got \(1, 3\)'),
    ([[0, 0, 5, 5], [3, 0, 3, 5]], {}, r'x0 < x1 and y0 < y1 expected, got \[3.0, 0.0, 3.0, 5.0\]'),
    ([[0, 0, 5, np.nan]], {}, 'x0 < x1 and y0 < y1 expected'),
    ([box(0)], dict(frame=7), 'frame: expected a number above 7, the previous frame, got 7'),
    ([box(0)], dict(max_absence=0), 'max_absence: a number above 0 expected, got 0'),
    ([box(0)], dict(min_overlap=0.0), r'expected min_overlap in \(0, 1\] and reach >= 0, got 0.0 and 0.5'),
    ([box(0)], dict(reach=-1), 'got 0.1 and -1'),
])
def test_errors(boxes, options, message):
    _, tracks = update_tracks(Tracks(), np.zeros((0, 4)), 7)
    with pytest.raises(ValueError, match=message):
        update_tracks(tracks, np.array(boxes), **{'frame': 8, **options})
