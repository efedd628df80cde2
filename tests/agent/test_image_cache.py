"""Cached images go when no server has used them for a day, and never while one may need them."""

import hashlib
from dataclasses import replace

from busway.domain.documents import ImageRef
from busway.domain.guest_machine import Machine
from busway.domain.ids import ImageId
from busway.testing.stage import ONE, TWO, Stage, desired_server

DAY = 86400


def cached(stage: Stage) -> int:
    return len(stage.state.cached_images())


def later(stage: Stage, days: float) -> None:
    stage.hands.now += days * DAY
    stage.settle(stage.agent(), 2)


def a_server(stage: Stage) -> None:
    stage.hands.now = 2_000_000_000.0  # later than any file of this test
    stage.desire(desired_server(ONE))
    stage.settle(stage.agent())


def test_an_image_that_no_server_has_used_for_a_day_is_removed(stage: Stage) -> None:
    a_server(stage)
    later(stage, 3)
    in_use = cached(stage)
    stage.desire(absent=(ONE,))
    later(stage, 0.5)
    young = cached(stage)
    later(stage, 1)

    assert (in_use, young, cached(stage)) == (1, 1, 0)


def test_nothing_goes_while_a_server_is_here_that_the_document_does_not_have(stage: Stage) -> None:
    a_server(stage)
    stage.desire()
    later(stage, 3)

    assert cached(stage) == 1


def test_the_image_below_an_ephemeral_disk_stays_as_long_as_its_server(stage: Stage) -> None:
    data = bytes(512)
    below = ImageRef(ImageId("below"), hashlib.sha256(data).hexdigest(), len(data), "raw")
    stage.link.images[below.id] = data
    stage.hands.now = 2_000_000_000.0
    stage.desire(replace(desired_server(ONE), machine=Machine(ephemeral_gb=1), ephemeral_image=below))
    stage.settle(stage.agent())
    later(stage, 3)
    in_use = cached(stage)
    stage.desire(absent=(ONE,))
    later(stage, 3)

    assert (in_use, cached(stage)) == (2, 0)


def test_a_removed_image_is_fetched_again_when_it_is_needed(stage: Stage) -> None:
    a_server(stage)
    stage.desire(absent=(ONE,))
    later(stage, 3)
    stage.desire(desired_server(TWO))
    stage.settle(stage.agent())

    assert (cached(stage), len(stage.link.downloads)) == (1, 2)
