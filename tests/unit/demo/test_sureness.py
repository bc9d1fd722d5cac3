"""The calibration's arithmetic, on made-up pictures."""

import math

import numpy as np
import pytest

from caption_studio.demo.sureness import Said, calibrated, calibration_error, reliability
from caption_studio.records import Description


def said(confidence: float, is_right: bool, doubt: float = 0.0) -> Said:
    return Said(Description("a cat", confidence), doubt, is_right)


def test_the_curve_finds_the_truth_that_the_pictures_were_drawn_from() -> None:
    rng = np.random.default_rng(0)
    doubts = rng.uniform(-6, 0, 20_000)
    right = rng.random(len(doubts)) < 1 / (1 + np.exp(1.5 * doubts + 1))
    drawn = [said(0.5, bool(r), float(d)) for d, r in zip(doubts, right, strict=True)]
    curve = calibrated(drawn)
    assert curve.slope == pytest.approx(-1.5, abs=0.1)
    assert curve.intercept == pytest.approx(-1, abs=0.15)


@pytest.mark.parametrize("is_right", [True, False])
def test_the_curve_is_finite_where_all_are_alike(is_right: bool) -> None:
    curve = calibrated([said(0.5, is_right, doubt) for doubt in (-5.0, -3.0, -1.0)])
    confidence = curve.confidence([-0.05])
    assert math.isfinite(confidence)
    assert (confidence > 0.5) is is_right


def test_the_calibration_error_weighs_each_bin_by_its_pictures() -> None:
    bins = reliability([said(0.95, True)] * 3 + [said(0.95, False)] + [said(0.15, False)] * 4)
    assert [(one["pictures"], one["right"]) for one in bins] == [(4, 0.0), (4, 0.75)]
    assert calibration_error(bins) == pytest.approx((0.15 + 0.2) / 2)


def test_complete_confidence_is_in_the_last_bin() -> None:
    assert [one["pictures"] for one in reliability([said(1.0, True), said(0.95, True)])] == [2]
