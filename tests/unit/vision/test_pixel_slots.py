"""Pictures that wait, in their slots."""

import pytest
import torch

from caption_studio.records import Pixels
from caption_studio.vision.pixel_slots import PixelSlots
from tests.unit.vision.git_models import noise, stacked

PICTURES = noise(8, 4)


def slots(count: int) -> PixelSlots:
    return PixelSlots(count, 8, torch.device("cpu"))


def test_what_is_put_is_gathered_in_the_order_asked_for() -> None:
    held = slots(4)
    numbers = [held.put(pixels) for pixels in PICTURES]
    order = [2, 0, 3]
    gathered = held.gather([numbers[number] for number in order])
    assert torch.equal(gathered, stacked([PICTURES[number] for number in order]))


def test_a_slot_given_back_is_used_again_and_what_was_gathered_stays() -> None:
    held = slots(1)
    slot = held.put(PICTURES[0])
    gathered = held.gather([slot])
    with pytest.raises(IndexError):
        held.put(PICTURES[1])
    held.give_back([slot])
    assert torch.equal(held.gather([held.put(PICTURES[1])]), stacked(PICTURES[1:2]))
    assert torch.equal(gathered, stacked(PICTURES[:1]))


def test_a_picture_of_another_size_is_refused_and_takes_no_slot() -> None:
    held = slots(1)
    with pytest.raises(ValueError, match="reshape"):
        held.put(Pixels(b"abc", 1, 1))
    held.put(PICTURES[0])
