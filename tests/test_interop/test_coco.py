import json
from dataclasses import replace

import numpy as np
import pytest

from mmxas.interop import read_keypoints, write_keypoints
from mmxas.interop.coco import read_coco, write_coco

CATEGORY = dict(id=3, name='p', supercategory='s', keypoints=['nose', 'tail'], skeleton=[[1, 2]])
IMAGES = [dict(id=1, width=640, height=480, file_name='a.jpg'), dict(id=2, width=64, height=48, file_name='d\\b.jpg')]
POINTS = [100, 100, 2, 200, 150, 1]


@pytest.fixture
def coco(tmp_path):
    """Writes a file of other software, with annotations that have an id, an image and a category."""

    def write(*annotations, **content):
        content = dict(images=IMAGES, categories=[CATEGORY]) | content
        made = [dict(id=number + 1, image_id=1, category_id=3) | one for number, one in enumerate(annotations)]
        (tmp_path / 'theirs.json').write_text(json.dumps(dict(content, annotations=made)))
        return tmp_path / 'theirs.json'

    return write


@pytest.fixture
def again(tmp_path):
    """The content of a file after one reading and one writing."""

    def convert(path):
        write_keypoints(read_keypoints(path), tmp_path / 'ours.json')
        return json.loads((tmp_path / 'ours.json').read_text())

    return convert


@pytest.mark.parametrize(('dims', 'hypotheses', 'scores'), [(2, 1, False), (2, 1, True), (3, 1, False), (3, 3, True)])
def test_a_round_trip_keeps_every_coordinate_and_name(make_table, differences, tmp_path, dims, hypotheses, scores):
    table = make_table(dims, hypotheses, scores, images=('a.png', 'a.png'), individuals=('one', ''),
                       links=((0, 1), (1, 2)), boxes=np.array([[1.5, 2, 11.5, 22], [0, 0, 4, 5]]),
                       sizes={'a.png': (640, 480), 'empty.png': (64, 48), 'unknown.png': None})
    write_keypoints(table, tmp_path / 'a.json')
    found = read_keypoints(tmp_path / 'a.json')
    assert differences(found, table) == {'extras'}  # iscrowd, area and a category come
    write_keypoints(found, tmp_path / 'b.json')
    assert differences(read_keypoints(tmp_path / 'b.json'), found) == set()
    assert sorted(path.name for path in tmp_path.iterdir()) == ['a.json', 'b.json']


def test_who_has_which_body_part_is_kept(make_table, differences, tmp_path):
    """But for body parts that somebody has renamed in the file."""
    table = make_table(individuals=('one', 'two'), bodies={'one': ('nose',), 'two': ('nose', 'tail')},
                       boxes=np.array([[1.0, 2, 3, 4]] * 2))
    write_keypoints(table, tmp_path / 'a.json')
    assert differences(read_keypoints(tmp_path / 'a.json'), table) == {'extras'}
    content = json.loads((tmp_path / 'a.json').read_text())
    content['categories'][0]['keypoints'][2] = 'hip'
    (tmp_path / 'a.json').write_text(json.dumps(content))
    assert read_keypoints(tmp_path / 'a.json').bodies == {'one': ('nose',)}


def test_x_or_y_alone_and_a_scorer_are_kept(make_table, differences, tmp_path):
    table = make_table(2, 1, False)
    table.keypoints[0, 0, 0, 1] = np.nan  # of the first pose only
    for one in (table, make_table(2, 1, False, scorers=('Anna',))):
        write_coco(one, tmp_path / 'a.json')
        assert differences(read_coco(tmp_path / 'a.json'), one) == {'boxes', 'extras'}
    write_coco(table, tmp_path / 'a.json')
    first, _ = json.loads((tmp_path / 'a.json').read_text())['annotations']
    assert first['keypoints'][:3] == [0, 0, 0] and first['num_keypoints'] == 2


def test_a_table_without_poses(make_table, differences, tmp_path):
    table = make_table(2, 1, False, boxes=np.ones((2, 4)))
    empty = replace(table, images=(), individuals=(), keypoints=table.keypoints[:0], boxes=table.boxes[:0], extras=(),
                    sizes={'a.png': (4, 3)})
    write_coco(empty, tmp_path / 'a.json')
    assert differences(read_coco(tmp_path / 'a.json'), empty) == set()


@pytest.mark.parametrize('module', ['xtcocotools.coco', 'pycocotools.coco'])
def test_what_readers_of_coco_see(make_table, tmp_path, module):
    coco = pytest.importorskip(module)
    table = make_table(links=((0, 1),))
    write_keypoints(table, tmp_path / 'a.json')
    coco = coco.COCO(str(tmp_path / 'a.json'))
    first, second = coco.loadAnns(coco.getAnnIds())
    assert coco.loadCats(1)[0]['keypoints'] == list(table.names) and coco.loadCats(1)[0]['skeleton'] == [[1, 2]]
    np.testing.assert_array_equal(np.reshape(first['keypoints'], (3, 3))[:, :2], table.keypoints[0, 0, :, :2])
    assert second['keypoints'][6:] == [0, 0, 0] and second['num_keypoints'] == 2
    points = table.keypoints[0, 0, :, :2]
    np.testing.assert_allclose(first['bbox'], [*points.min(0) - 1, *np.ptp(points, axis=0) + 2])
    assert first['score'] == pytest.approx(table.scores[0, 0].mean())


def of_mmpose(path, names):
    from mmpose.datasets.datasets import CocoDataset
    points = {number: dict(name=name, id=number, color=[0] * 3, type='', swap='') for number, name in enumerate(names)}
    meta = dict(dataset_name='x', keypoint_info=points, skeleton_info={}, joint_weights=[1.0] * len(names),
                sigmas=[0.1] * len(names), paper_info={})

    class Dataset(CocoDataset):
        METAINFO = meta

    return Dataset(ann_file=str(path), test_mode=True, data_prefix=dict(img='.'))


@pytest.mark.parametrize('points', [[[12.0, 22], [np.nan, np.nan]], [[0.0, 7], [3, 7]], [[639.0, 479], [np.nan, 3]]])
@pytest.mark.parametrize('size', [None, (640, 480)])
def test_mmpose_reads_every_image_with_one_keypoint_or_a_flat_pose(make_table, tmp_path, points, size):
    """A box without an area would drop the image, and no size at all would stop it."""
    from mmxas.interop import KeypointTable
    table = KeypointTable(('a', 'b'), ('x.png', 'x.png'), np.array([[points], [[[5.0, 6], [50, 60]]]]),
                          boxes=np.array([[12, 22, 12, 22], [1, 2, 90, 80.0]]), sizes={'x.png': size})
    write_keypoints(table, tmp_path / 'a.json')
    dataset = of_mmpose(tmp_path / 'a.json', table.names)
    assert len(dataset) == 2
    found = dataset.get_data_info(0)
    known = np.isfinite(table.keypoints[0, 0]).all(1)
    np.testing.assert_array_equal(found['keypoints'][0][known], table.keypoints[0, 0][known])
    assert found['keypoints_visible'][0].tolist() == known.tolist()
    np.testing.assert_array_equal(dataset.get_data_info(1)['bbox'], [[1, 2, 90, 80]])
    assert (found['bbox'][0, 2:] - found['bbox'][0, :2] >= 1).all()


def test_a_size_that_is_not_known_holds_all_boxes_and_is_marked(make_table, tmp_path):
    table = make_table(2, 1, boxes=np.array([[1, 2, 300.5, 40], [0, 0, 700, 9.0]]), images=('a.png', 'a.png'))
    write_coco(table, tmp_path / 'a.json')
    image, = json.loads((tmp_path / 'a.json').read_text())['images']
    assert image == dict(id=1, file_name='a.png', width=701, height=41, size_is_estimated=True)
    assert read_coco(tmp_path / 'a.json').sizes == {'a.png': None}


def test_a_box_that_is_missing_does_not_replace_those_of_others(coco, again):
    first, second, third = again(coco(dict(keypoints=POINTS, bbox=[50, 40, 300, 350]), dict(keypoints=POINTS),
                                      dict(keypoints=POINTS, bbox=[])))['annotations']
    assert first['bbox'] == [50, 40, 300, 350] and second['bbox'] == third['bbox'] == [99, 99, 102, 52]


@pytest.mark.parametrize('points', [dict(keypoints=[]), dict(keypoints=None), dict(), dict(keypoints=[0] * 6)])
def test_a_box_without_keypoints_is_unlabelled(coco, again, points):
    ball = dict(id=4, name='ball', keypoints=[], skeleton=[])
    path = coco(dict(points, category_id=4, bbox=[1, 2, 3, 4]), dict(keypoints=POINTS), categories=[CATEGORY, ball])
    table = read_coco(path)
    assert np.isnan(table.keypoints[0]).all() and table.boxes[0].tolist() == [1, 2, 4, 6]
    content = again(path)
    first, second = content['annotations']
    assert first['num_keypoints'] == 0 and first['keypoints'] == [0] * 6 and first['bbox'] == [1, 2, 3, 4]
    assert content['categories'] == [ball, CATEGORY] and (first['category_id'], second['category_id']) == (4, 3)


@pytest.mark.parametrize(('skeleton', 'links'), [
    ([[1, 2], [1, 3]], ((0, 1), (0, 2))), ([[0, 1], [0, 2]], ((0, 1), (0, 2))), ([], ()), (None, ())])
def test_a_skeleton_may_be_counted_from_0(coco, again, skeleton, links):
    category = dict(CATEGORY, keypoints=['a', 'b', 'c'], skeleton=skeleton)
    path = coco(dict(keypoints=[1, 2, 2] * 3), categories=[category])
    assert read_coco(path).links == links
    assert again(path)['categories'][0]['skeleton'] == [[a + 1, b + 1] for a, b in links]


@pytest.mark.parametrize('skeleton', [[[0, 2]], [[1, 3]], [[-1, 1]]])
def test_a_skeleton_that_links_other_keypoints_is_refused(coco, skeleton):
    with pytest.raises(ValueError, match='theirs.json: its skeleton links keypoints .* 1 to 2 expected'):
        read_coco(coco(categories=[dict(CATEGORY, skeleton=skeleton)]))


def test_from_coco_to_coco_everything_but_what_the_docs_list_is_kept(coco, again):
    annotations = [
        dict(keypoints=[1.5, 2, 2, 3, 4, 2], num_keypoints=2, iscrowd=0, bbox=[50, 40, 300, 350], area=7.5, track_id=7,
             segmentation=[[1, 1, 5, 1, 5, 5]], attributes=dict(occluded=False), score=0.25, caption=None),
        dict(keypoints=[1, 2, 2, 0, 0, 0], num_keypoints=1, iscrowd=1, bbox=[0, 0, 640, 480], area=9, image_id=2)]
    path = coco(*annotations)
    content, theirs = again(path), json.loads(path.read_text())
    ours = [{key: value for key, value in one.items() if key != 'individual'} for one in content['annotations']]
    assert ours == theirs['annotations'] and content['categories'] == theirs['categories']
    assert [one['individual'] for one in content['annotations']] == ['7', '']
    assert content['images'] == [dict(image, file_name=image['file_name'].replace('\\', '/'), size_is_estimated=False)
                                 for image in IMAGES]
    assert again(path) == content


def test_what_is_lost_from_coco_to_coco_is_what_the_docs_list(coco, again):
    path = coco(dict(id=90, image_id=40, keypoints=POINTS, num_keypoints=2, bbox=[1, 2, 0, 4], area=0, iscrowd=0),
                images=[dict(IMAGES[0], id=40, license=3)], licenses=[dict(id=3)], info=dict(year=2020),
                categories=[CATEGORY, dict(id=9, name='nobody')])
    content = again(path)
    one, = content['annotations']
    assert one['keypoints'] == [100, 100, 2, 200, 150, 2]  # the 1 of a hidden keypoint
    assert (one['id'], one['image_id'], content['images'][0]['id']) == (1, 1, 1)
    assert one['bbox'] == [99, 99, 102, 52]  # one without an area
    assert content['categories'] == [CATEGORY] and content['info']['description'] == 'keypoints written by mmxas'
    assert 'licenses' not in content and 'license' not in content['images'][0]


@pytest.mark.parametrize('info', [None, []])
def test_info_may_be_empty(coco, info):
    assert read_coco(coco(dict(keypoints=POINTS), info=info)).units == ('px', 'px')


def test_a_byte_order_mark_is_no_content(coco):
    path = coco(dict(keypoints=POINTS))
    path.write_bytes(b'\xef\xbb\xbf' + path.read_bytes())
    assert read_coco(path).keypoints.shape == (1, 1, 2, 2)


@pytest.mark.parametrize(('change', 'which'), [
    (dict(id=1, file_name='c.jpg'), '1'), (dict(id=3, file_name='a.jpg'), 'a.jpg'),
    (dict(id=3, file_name='d/b.jpg'), 'd/b.jpg')])
def test_images_are_told_apart(coco, change, which):
    path = coco(dict(keypoints=POINTS), images=[*IMAGES, dict(IMAGES[0], **change)])
    with pytest.raises(ValueError, match=f"theirs.json: two of its images have the id or file_name '{which}'"):
        read_coco(path)


@pytest.fixture
def broken(make_table, tmp_path):
    def write(change):
        write_coco(make_table(), tmp_path / 'a.json')
        content = json.loads((tmp_path / 'a.json').read_text())
        change(content)
        (tmp_path / 'a.json').write_text(json.dumps(content))
        return tmp_path / 'a.json'

    return write


@pytest.mark.parametrize(('change', 'message'), [
    (lambda c: c.pop('images'), 'images missing'),
    (lambda c: c.update(categories=[]), 'a.json: 0 categories with keypoints'),
    (lambda c: c['categories'].append(dict(id=2, keypoints=['x'])), '2 categories with keypoints; expected one'),
    (lambda c: c['annotations'][0].update(image_id=9), 'annotation 1: wrong image, box or keypoints .KeyError: 9'),
    (lambda c: c['annotations'][0].update(bbox=[1]), 'a.json: annotation 1: wrong image, box or keypoints'),
    (lambda c: c['annotations'][0].update(bbox=['a'] * 4), 'a.json: annotation 1: wrong image, box or keypoints'),
    (lambda c: c['annotations'][0].update(keypoints=[1, 2]), 'annotation 1: wrong .*size 2 into shape .3,3.'),
    (lambda c: c['annotations'][0]['hypotheses'][0].update(scores=[1]), 'a.json: annotation 1: wrong'),
    (lambda c: c['annotations'][1]['hypotheses'].pop(), 'hypotheses of different scorers or coordinates'),
    (lambda c: c['annotations'][1]['hypotheses'][0].pop('scorer'), "a.json: annotation 2: .*KeyError: 'scorer'")])
def test_a_broken_file_is_named_with_its_place(broken, change, message):
    with pytest.raises(ValueError, match=message):
        read_coco(broken(change))
