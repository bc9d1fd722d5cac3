from itertools import pairwise

import pytest
from PIL import Image, ImageChops

from caption_studio.demo.painter import paint, subject_boxes
from caption_studio.demo.scenes import PLACES, SKIES, SUBJECTS, Scene, Where, sample_scene
from caption_studio.demo.subjects import COLOURS, SHAPES


@pytest.mark.parametrize("size_px", [48, 64, 128, 300])
def test_a_picture_is_square_rgb_of_the_asked_size(size_px):
    picture = paint(sample_scene(1), 1, size_px)
    assert picture.mode == "RGB"
    assert picture.size == (size_px, size_px)


def test_the_same_seed_paints_the_same_picture():
    scene = sample_scene(7)
    assert paint(scene, 3, 96).tobytes() == paint(scene, 3, 96).tobytes()


def test_another_seed_paints_another_picture_of_the_scene():
    scene = sample_scene(7)
    assert paint(scene, 3, 96).tobytes() != paint(scene, 4, 96).tobytes()


@pytest.mark.parametrize("sky", SKIES)
@pytest.mark.parametrize("place", PLACES)
def test_every_place_can_be_painted_under_every_sky(place, sky):
    subject = "balloon" if Where.AIR in PLACES[place] else "car"
    assert paint(Scene(subject, "red", 1, place, sky), 0, 64).getbbox() is not None


@pytest.mark.parametrize("name", SUBJECTS)
def test_a_subject_keeps_its_colour_at_night(name):
    subject = SUBJECTS[name]
    for colour in subject.colours:
        scene = Scene(name, colour, 1, subject.places[0], "night")
        wanted = Image.new("RGB", (96, 96), COLOURS[colour])
        distance = ImageChops.difference(paint(scene, 5, 96), wanted).convert("L")
        assert sum(distance.histogram()[:30]) > 60, colour


def test_every_subject_has_a_shape_and_every_colour_a_paint():
    assert set(SHAPES) == set(SUBJECTS)
    assert {colour for subject in SUBJECTS.values() for colour in subject.colours} == set(COLOURS)


def test_boxes_tell_where_the_things_are():
    scene = Scene("bus", "purple", 3, "street", "sunny")
    picture = paint(scene, 11, 200)
    boxes = subject_boxes(scene, 11)
    assert len(boxes) == 3
    for left, _, right, bottom in boxes:
        pixel = picture.getpixel((int(100 * (left + right)), int(200 * bottom - 12)))
        assert max(abs(a - b) for a, b in zip(pixel, COLOURS["purple"], strict=True)) < 70


def test_boxes_do_not_overlap():
    for seed in range(200):
        boxes = sorted(subject_boxes(sample_scene(seed), seed))
        for before, after in pairwise(boxes):
            assert before[2] < after[0] + 0.02
