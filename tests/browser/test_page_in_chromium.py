"""The page in Chromium: it opens from disk without a network, draws, plays, and does what keys and clicks ask for."""
import time
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from tiny_poses import POINTS, WIDTH, tiny_image, tiny_record, write_clip
from tiny_videos import write_video

from mmxas.visualization.page import PageFrame, show_poses, write_page
from mmxas.visualization.predictions_folder import write_folder_page

pytestmark = pytest.mark.browser

GREEN, BLUE, ORANGE = (0x0f, 0x9d, 0x4a), (0x17, 0x69, 0xd2), (0xe8, 0x71, 0x0a)
EVIL = '<img src=x onerror="document.title=1">.jpg'


def wait(page, condition):
    """Wait until a JavaScript expression is true (playwright's own way evaluates strings, which the page forbids)."""
    end = time.monotonic() + 60
    while not page.evaluate(f'Boolean({condition})'):
        assert time.monotonic() < end, condition
        page.wait_for_timeout(50)


@pytest.fixture
def open_page(chromium):
    """Opens a file, offline; whatever the console says wrong or the page asks for fails the test at its end."""
    contexts, wrong = [], []

    def open_it(path, width=1280, height=800, theme='light', touch=False):
        context = chromium.new_context(viewport=dict(width=width, height=height), color_scheme=theme, offline=True,
                                       has_touch=touch)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(120_000)  # busy machines
        page.on('pageerror', lambda error: wrong.append(str(error)))
        page.on('console', lambda line: wrong.append(line.text) if line.type == 'error' else None)
        page.on('request', lambda asked: None if asked.url.startswith('data:') or asked.url == path.as_uri()
                else wrong.append(asked.url))
        page.goto(path.as_uri())
        wait(page, '$("caption").textContent && space')
        return page

    yield open_it
    for context in contexts:
        context.close()
    assert wrong == []


def clip_with_path(folder):
    """The page of a clip whose path takes the left hand of hypothesis 2, and in the third frame none."""
    records = [tiny_record(move=5 * number, image_size=dict(width=96, height=64)) for number in range(4)]
    for number, record in enumerate(records):
        record['instances'][0].update(identity=0, path=[0, 1 if number != 2 else -1, 0, 0])
    return write_folder_page(write_clip(folder / 'clip', records, write_video(folder / 'clip.mp4', 4)))


@pytest.fixture(scope='module')
def pages(tmp_path_factory):
    """A video of four frames, 0.2 s apart, with two bodies, one photo without its image, and a clip with a path."""
    folder = tmp_path_factory.mktemp('pages')
    frames = []
    for number in range(4):
        record = tiny_record(move=5 * number, bodies=2)
        for identity, one in enumerate(record['instances'], 3):
            one['identity'] = identity
        frames.append(PageFrame(record, tiny_image(100 + 40 * number), f'frame {number}', 0.2 * number))
    frames[2].record['instances'].pop()  # identity 4 is away
    return SimpleNamespace(video=write_page(frames, folder / 'a video.html'),
                           photo=write_page([PageFrame(tiny_record(in_mm=True), None, EVIL)], folder / 'photo.html'),
                           clip=clip_with_path(folder))


def picture(page, selector):
    """What an element looks like, (h, w, 3) RGB, when two pictures agree that nothing moves any more."""
    before = None
    while True:
        data = page.locator(selector).screenshot()
        if data == before:
            return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)[..., ::-1].astype(int)
        before = data


def near(image, color, within=40):
    """Number of pixels of nearly that colour."""
    return int((np.abs(image - np.array(color)).max(axis=-1) <= within).sum())


def pressed(page, group):
    return page.locator(f'#{group} button[aria-pressed=true]').all_inner_texts()


def frame_of(page):
    return int(page.locator('#slider').input_value())


def test_the_image_has_its_pixels_and_the_keypoints_their_colours(open_page, pages):
    page = open_page(pages.video)
    shown = picture(page, '#image')
    height, width = shown.shape[:2]
    scale = min(width / WIDTH, height / 90)
    at = (np.array([width, height]) - scale * np.array([WIDTH, 90])) / 2 + scale * POINTS
    for keypoint, color in ((1, GREEN), (2, ORANGE)):
        x, y = at[keypoint].round().astype(int)
        assert np.abs(shown[y, x] - color).max() < 12, (keypoint, shown[y, x])
    assert np.abs(shown[height // 8, width // 2] - 100).max() <= 3


def test_the_pose_is_drawn_in_3d_and_turns_with_the_mouse(open_page, pages):
    page = open_page(pages.video)
    before = picture(page, '#space')
    assert near(before, (0x0c, 0x8a, 0x3e), 60) > 200 and near(before, (0xd9, 0x62, 0x0a), 60) > 200
    box = page.locator('#space').bounding_box()
    page.mouse.move(box['x'] + 200, box['y'] + 150)
    page.mouse.down()
    page.mouse.move(box['x'] + 320, box['y'] + 170, steps=4)
    page.mouse.up()
    assert (np.abs(picture(page, '#space') - before).max(axis=-1) > 40).sum() > 500
    page.keyboard.press('r')
    assert (np.abs(picture(page, '#space') - before).max(axis=-1) > 40).sum() < 50


def test_a_click_and_a_key_choose_the_hypothesis(open_page, pages):
    page = open_page(pages.video)
    assert pressed(page, 'hypotheses') == ['1 0.80']
    first, depths = picture(page, '#space'), picture(page, '#depth')
    page.locator('#hypotheses button').nth(1).click()
    assert pressed(page, 'hypotheses') == ['2 0.60'] and page.locator('#score').inner_text() == '0.60'
    assert (np.abs(picture(page, '#space') - first).max(axis=-1) > 40).sum() > 200
    assert (np.abs(picture(page, '#depth') - depths).max(axis=-1) > 40).sum() > 20
    page.keyboard.press('3')
    assert pressed(page, 'hypotheses') == ['3 0.40']
    page.keyboard.press('9')
    assert pressed(page, 'hypotheses') == ['3 0.40']


def test_what_was_chosen_over_time_is_shown_first_and_is_one_choice_of_four(open_page, pages):
    page = open_page(pages.clip)
    depth = 'posesOf(frames[0].instances[0])[chosenOf(frames[0].instances[0])][1].z'
    assert page.locator('#hypotheses button').all_inner_texts() == ['over time 0.75', '1 0.80', '2 0.60', '3 0.40']
    assert pressed(page, 'hypotheses') == ['over time 0.75'] and page.locator('#score').inner_text() == '0.75'
    along_path, shown = page.evaluate(depth), picture(page, '#space')
    page.locator('#hypotheses button').nth(1).click()
    assert pressed(page, 'hypotheses') == ['1 0.80']
    assert page.evaluate(depth) - along_path == pytest.approx(0.25)  # of the crop, nearer
    assert (np.abs(picture(page, '#space') - shown).max(axis=-1) > 40).sum() > 200
    page.keyboard.press('0')
    assert pressed(page, 'hypotheses') == ['over time 0.75'] and page.evaluate(depth) == along_path
    page.evaluate('show(2)')
    assert pressed(page, 'hypotheses') == ['over time 0.60']  # the left hand has none


@pytest.mark.parametrize('theme', ['light', 'dark'])
@pytest.mark.parametrize('width', [390, 1280])
def test_nothing_is_blank_in_any_theme_and_width(open_page, pages, theme, width):
    page = open_page(pages.clip, width=width, height=844, theme=theme)
    for name in ('image', 'space', 'depth', 'confidence'):
        page.locator(f'#{name}').scroll_into_view_if_needed()
        shown = picture(page, f'#{name}')
        assert (np.abs(shown - np.median(shown, axis=(0, 1))).max(axis=-1) > 60).mean() > 0.003, name
    before = picture(page, '#image')
    page.locator('#play').click()
    wait(page, '$("slider").value === "3" && !state.playing')
    assert (np.abs(picture(page, '#image') - before).max(axis=-1) > 60).sum() > 100


def test_play_moves_the_frame_to_the_last_and_stops(open_page, pages):
    page = open_page(pages.video)
    assert frame_of(page) == 0 and page.locator('#clock').inner_text() == '0.00 s'
    before = picture(page, '#image')
    page.keyboard.press(' ')
    wait(page, '$("slider").value === "3" && !state.playing')
    assert page.locator('#clock').inner_text() == '0.60 s' and page.locator('#caption').inner_text() == 'frame 3'
    after = picture(page, '#image')
    assert np.abs(after[after.shape[0] // 8, after.shape[1] // 2] - 220).max() <= 3
    moved = [np.argwhere(np.abs(one - np.array(BLUE)).max(axis=-1) < 12)[:, 1].mean() for one in (before, after)]
    assert moved[1] - moved[0] > 10  # px of the screen to the right
    assert page.evaluate('$("play").click(), [state.playing, state.frame]') == [True, 0]


def test_arrows_and_the_time_line_go_to_a_frame(open_page, pages):
    page = open_page(pages.video)
    page.keyboard.press('ArrowRight')
    page.keyboard.press('ArrowRight')
    page.keyboard.press('ArrowLeft')
    assert frame_of(page) == 1
    page.keyboard.press('End')
    assert frame_of(page) == 3
    box = page.locator('#confidence').bounding_box()
    page.locator('#confidence').click(position=dict(x=box['width'] * 0.36, y=20))
    assert frame_of(page) == 1


def test_a_body_is_chosen_by_click_and_key_and_may_be_away(open_page, pages):
    page = open_page(pages.video)
    assert pressed(page, 'bodies') == ['body 3']
    page.keyboard.press('b')
    assert pressed(page, 'bodies') == ['body 4']
    page.keyboard.press('End')
    page.keyboard.press('ArrowLeft')
    assert page.locator('#nobody').inner_text() == 'Body 4 is not in this frame'
    assert near(picture(page, '#space'), BLUE, 60) == 0
    box = page.locator('#image').bounding_box()
    page.locator('#image').click(position=dict(x=box['width'] / 2, y=box['height'] / 2))
    assert pressed(page, 'bodies') == ['body 3'] and page.locator('#nobody').is_hidden()


def test_the_theme_is_the_systems_until_it_is_switched(open_page, pages):
    paper = 'getComputedStyle(document.body).backgroundColor'
    page = open_page(pages.video, theme='dark')
    assert page.evaluate(paper) == 'rgb(18, 21, 26)'
    page.locator('#theme').click()
    assert page.evaluate(paper) == 'rgb(243, 244, 247)'


def test_the_keys_are_listed(open_page, pages):
    page = open_page(pages.video)
    page.keyboard.press('?')
    assert 'choose a hypothesis' in page.locator('#keys').inner_text()
    page.keyboard.press('Escape')
    assert page.locator('#keys').is_hidden()


@pytest.mark.parametrize('kind', ['video', 'photo'])
def test_nothing_sticks_out_of_a_phone(open_page, pages, kind):
    page = open_page(getattr(pages, kind), width=390, height=844, touch=True)
    assert page.evaluate('document.documentElement.scrollWidth') == 390
    assert page.locator('#space').bounding_box()['width'] > 300


def test_a_photo_without_its_image_shows_the_pose_and_the_name_as_text(open_page, pages):
    page = open_page(pages.photo)
    assert page.locator('#caption').inner_text() == EVIL and page.title() == 'Poses'
    assert page.locator('#time-card').is_hidden() and page.locator('#bodies').is_hidden()
    assert page.locator('#depth-unit').inner_text().startswith('mm')
    assert near(picture(page, '#image'), BLUE, 12) > 20 and near(picture(page, '#space'), BLUE, 60) > 200


def test_a_notebooks_output_draws_the_same(open_page, tmp_path):
    path = tmp_path / 'notebook.html'
    path.write_text('<p id="caption">x</p><script>const $ = id => document.getElementById(id), space = 1</script>'
                    + show_poses(tiny_record(), tiny_image())._repr_html_(), encoding='utf-8')
    page = open_page(path)
    page.frame_locator('iframe').locator('#hypotheses button').first.wait_for()
    assert near(picture(page, 'iframe'), BLUE, 60) > 200
