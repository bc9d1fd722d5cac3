"""The rows in flight: they join, are stepped and leave, and a failure fails one picture.

Rows that failed together are described again in smaller groups (`suspects`), so that a bad picture
fails alone. Before a picture's failure is reported, the probe, which was described at the start, is
described again. An exception from that is no picture's fault.
"""

import logging
import time
from collections.abc import Callable, Sequence

from caption_studio.counts import POWERS_OF_TWO, Counter
from caption_studio.errors import EngineFailure
from caption_studio.records import Described, Pixels
from caption_studio.vision.decode import Decoder, Written
from caption_studio.vision.git import LoadedGit
from caption_studio.vision.pictures import Outcome, Picture
from caption_studio.vision.pixel_slots import PixelSlots
from caption_studio.vision.prefix import PrefixEncoder
from caption_studio.vision.suspects import Suspects
from caption_studio.vision.waiting import Aboard

GREY = 127

Take = Callable[[Aboard], list[Picture]]
"""Removes from the queue the pictures that join these rows."""

logger = logging.getLogger(__name__)


class Flight:
    """Pictures in the model; one thread calls it."""

    def __init__(
        self,
        loaded: LoadedGit,
        slots: PixelSlots,
        encoder: PrefixEncoder,
        decoder: Decoder[Picture | None],
    ) -> None:
        self._loaded = loaded
        self._slots = slots
        self._encoder = encoder
        self._decoder = decoder
        self._rows: set[Picture] = set()
        self._suspects: Suspects[Picture] = Suspects()
        self._isolating = False  # the rows are suspects: no others join them
        self._in_doubt = False
        self._blamed: list[Outcome] = []  # failures to report once the probe is described
        self.steps = Counter(POWERS_OF_TWO)
        self.joins = Counter(POWERS_OF_TWO)

    @property
    def has_work(self) -> bool:
        """Whether a turn would do anything without new pictures."""
        return bool(self._rows or self._suspects or self._in_doubt)

    def turn(self, take: Take) -> list[Outcome]:
        """Let rows leave and join, then write one token in each; return all that left.

        Raises the exception of describing the probe: then every picture would fail.
        """
        left: list[Outcome] = []
        if self._in_doubt and not self._rows:
            self.probe()
            self._in_doubt = False
            left, self._blamed = self._blamed, []
        gone = {row for row in self._rows if row.described.done()}
        try:
            self._decoder.drop(lambda row: row in gone)
        except Exception as error:  # anything: upstream's code ran
            self._put_aside(error)
            return left
        self._rows -= gone
        joiners = self._next_joiners(take)
        gone |= {picture for picture in joiners if picture.described.done()}
        self._join([picture for picture in joiners if picture not in gone])
        return [*left, *((picture, None) for picture in gone), *self._step()]

    def probe(self) -> None:
        """Describe a grey picture on the path of all pictures; only while there are no rows."""
        side = self._loaded.git.image_size_px
        slot = self._slots.put(Pixels(bytes([GREY]) * (side * side * 3), side, side))
        self._decoder.join([None], self._encoder.encode(self._slots.gather([slot])).prefix)
        finished: list[tuple[Picture | None, Written]] = []
        while not finished:
            finished = self._decoder.step()
        self._decoder.drop(lambda row: row is None)
        self._loaded.text(finished[0][1].token_ids)
        self._slots.give_back([slot])

    def _next_joiners(self, take: Take) -> list[Picture]:
        if self._in_doubt:
            return []
        if not self._rows:
            self._isolating = bool(self._suspects)
        if self._isolating:
            return [] if self._rows else self._suspects.next_group()
        of_batches = sum(row.is_batch for row in self._rows)
        return take(Aboard(len(self._rows) - of_batches, of_batches, self._decoder.room))

    def _join(self, joiners: Sequence[Picture]) -> None:
        """Encode the pictures together; if that fails, each by itself."""
        if not joiners:
            return
        self.joins.add(len(joiners))
        try:
            for picture in joiners:
                picture.joined_s = time.monotonic()
            pictures = self._slots.gather([picture.slot for picture in joiners])
            encoded = self._encoder.encode(pictures)
            self._decoder.join(joiners, encoded.prefix)
            for picture, distance in zip(joiners, encoded.distances, strict=True):
                picture.distance = distance
        except Exception as error:  # anything: upstream's code ran
            if len(joiners) == 1:
                self._blame(joiners[0], error)
            else:
                for picture in joiners:
                    self._join([picture])
            return
        self._rows.update(joiners)

    def _step(self) -> list[Outcome]:
        if not self._rows:
            return []
        self.steps.add(len(self._rows))
        try:
            finished = self._decoder.step()
        except Exception as error:  # anything: upstream's code ran
            self._put_aside(error)
            return []
        self._rows.difference_update([row for row, _ in finished])
        described = [(row, self._described(row, text)) for row, text in finished if row is not None]
        return [(row, one) for row, one in described if one is not None]

    def _put_aside(self, error: Exception) -> None:
        """Empty the decoder, because one of its rows may be at fault."""
        rows = sorted(self._rows, key=lambda row: row.since_s)
        self._decoder.clear()
        self._rows.clear()
        self._in_doubt = True
        if len(rows) > 1:
            logger.warning("rows that failed together are described apart", exc_info=error)
            self._suspects.add(rows)
        elif rows:
            self._blame(rows[0], error)

    def _described(self, row: Picture, written: Written) -> Described | None:
        try:
            text = self._loaded.text(written.token_ids)
            sureness = self._loaded.sureness
            description = sureness.description(text, written.logprobs, row.distance)
        except Exception as error:  # anything: the tokenizer's code ran
            self._blame(row, error)
            return None
        return Described(description, row.joined_s - row.since_s, time.monotonic() - row.joined_s)

    def _blame(self, picture: Picture, error: Exception) -> None:
        """Record one picture's public failure; the model's exception goes to the log."""
        logger.warning("the describer failed on a picture", exc_info=error)
        failure = EngineFailure("The describer failed on this picture.")
        failure.__cause__ = error
        self._blamed.append((picture, failure))
        self._in_doubt = True
