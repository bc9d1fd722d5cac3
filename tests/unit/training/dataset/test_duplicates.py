"""Pictures and captions that were there before are found, and no others."""

import io

import pytest
from PIL import Image, ImageEnhance

from caption_studio.client.pictures import PictureFailed
from caption_studio.errors import EngineFailure
from caption_studio.training.dataset import looks
from caption_studio.training.dataset.duplicates import KnownCaptions, KnownPictures
from caption_studio.training.dataset.items import Look
from caption_studio.training.dataset.looks import look_at, thumbnail
from tests.pictures import held_out
from tests.unit.training.dataset.world import encoded, picture

NEAR_BITS = 4


def known(*images: Image.Image) -> KnownPictures:
    pictures = KnownPictures(NEAR_BITS)
    for number, image in enumerate(images):
        pictures.add(look_at(encoded(image)), str(number))
    return pictures


def test_the_same_pixels_are_known_in_another_file() -> None:
    before = known(picture(1), picture(2)).repeated(
        look_at(encoded(picture(2), "WEBP", lossless=True))
    )
    assert before == ("1", None)


@pytest.mark.parametrize("kind", ["JPEG", "smaller", "brighter"])
def test_a_picture_that_was_saved_again_is_near(kind: str) -> None:
    scenes = [one.image for one in held_out(20, size_px=256, skip=5000)]
    pictures = known(*scenes)
    for number, scene in enumerate(scenes):
        again = {
            "JPEG": lambda scene: encoded(scene, "JPEG", quality=40),
            "smaller": lambda scene: encoded(scene.resize((160, 160))),
            "brighter": lambda scene: encoded(ImageEnhance.Brightness(scene).enhance(1.05)),
        }[kind](scene)
        before = pictures.repeated(look_at(again))
        assert before is not None
        assert before[0] == str(number)


def test_other_pictures_and_other_colours_are_not() -> None:
    pictures = known(*(picture(seed) for seed in range(100)))
    assert all(
        pictures.repeated(look_at(encoded(picture(seed)))) is None for seed in range(100, 200)
    )
    red, blue = picture(1, tint=(1, 0.4, 0.4)), picture(1, tint=(0.4, 0.4, 1))
    assert known(red).repeated(look_at(encoded(blue))) is None


def test_painted_scenes_are_all_different() -> None:
    pictures = KnownPictures(NEAR_BITS)
    for number, one in enumerate(held_out(120, size_px=64)):
        look = look_at(one.encoded())
        assert pictures.repeated(look) is None
        pictures.add(look, str(number))


def looking(edges: int) -> Look:
    """A look with this difference hash and no colours; its id is the hash."""
    return Look(f"{edges:02x}", edges, bytes(48))


def test_pictures_with_another_between_them_are_one_group() -> None:
    pictures = KnownPictures(NEAR_BITS)
    for edges in (0x00, 0x0F, 0xFF):
        pictures.add(looking(edges), f"{edges}")
    assert pictures.repeated(looking(0xFF)) == ("255", None)
    assert pictures.groups() == {"00": "00", "0f": "00", "ff": "00"}


def test_two_groups_are_one_once_a_picture_is_like_both() -> None:
    pictures = KnownPictures(NEAR_BITS)
    for edges in (0xFFF000, 0x00, 0xFF):
        pictures.add(looking(edges), f"{edges}")
    assert len(set(pictures.groups().values())) == 3
    pictures.add(looking(0x0F), "between")
    assert pictures.groups() == {"fff000": "fff000", "00": "00", "ff": "00", "0f": "00"}


def test_what_is_no_picture_is_told() -> None:
    with pytest.raises(PictureFailed, match="not in a supported format"):
        look_at(b"text")
    with pytest.raises(PictureFailed, match="truncated or corrupt"):
        thumbnail(encoded(picture(1))[:80])


def test_a_small_picture_is_a_small_jpeg() -> None:
    url = thumbnail(encoded(picture(1, side_px=1000)))
    assert url.startswith("data:image/jpeg;base64,")
    assert len(url) < 30_000


def test_captions_that_say_the_same() -> None:
    captions = KnownCaptions()
    assert captions.repeated("Two red boats at sea! ⛵ #sea", "p", "") is None
    assert (
        captions.repeated("two red boats, at SEA", "another", "") == "Two red boats at sea! ⛵ #sea"
    )
    assert captions.repeated("Three red boats at sea!", "another", "") is None
    assert captions.repeated("Look: two small red boats at sea today", "p", "") is None
    assert captions.repeated("Oh look: two small red boats at sea today", "p", "") is not None
    assert captions.repeated("Two red boats at sea!", "p", "no hashtags") is None


def test_hashtags_alone_and_emoji_alone_are_compared_as_they_are() -> None:
    captions = KnownCaptions()
    assert captions.repeated("#sea", "p", "") is None
    assert captions.repeated("#lake", "p", "") is None
    assert captions.repeated("⛵", "p", "") is None
    assert captions.repeated("🦆", "p", "") is None
    assert captions.repeated("🦆", "q", "") == "🦆"


def test_a_picture_of_one_colour_is_like_its_own_colour_only() -> None:
    def plain(colour: str) -> bytes:
        buffer = io.BytesIO()
        Image.new("RGB", (50, 50), colour).save(buffer, "PNG")
        return buffer.getvalue()

    pictures = KnownPictures(NEAR_BITS)
    pictures.add(look_at(plain("#ff0000")), "red")
    assert pictures.repeated(look_at(plain("#0000ff"))) is None
    assert pictures.repeated(look_at(plain("#fb0000"))) is not None


@pytest.mark.parametrize("budget_s", [0.0, 1000.0])
def test_a_picture_has_so_much_processor_time_and_no_more(
    budget_s: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looks, "MAX_DECODE_CPU_S", budget_s)
    if budget_s:
        assert look_at(encoded(picture(1)))
    else:
        with pytest.raises(PictureFailed, match="takes over 0 s to decode"):
            look_at(encoded(picture(1)))


def test_a_decoder_that_fails_fails_its_picture_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(*args: object, **options: object) -> None:
        raise EngineFailure("The image could not be decoded.")

    monkeypatch.setattr(looks, "decode", killed)
    with pytest.raises(PictureFailed, match="could not be decoded"):
        look_at(encoded(picture(1)))
