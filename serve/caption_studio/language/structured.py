"""The running text of a structured answer → an error if it ends as no JSON; pure.

The engine's grammar lets an answer end only where its JSON is complete. Exception: if a schema
exceeds the engine's limits at a step, the engine abandons the grammar, and the answer ends there.
"""

import json
from collections import defaultdict

from caption_studio.errors import InvalidValue
from caption_studio.records import Sampling


class AnswerForms:
    """Checks that the choices of one request are JSON, if they must be."""

    def __init__(self, sampling: Sampling) -> None:
        self._structure = sampling.structure
        self._texts: defaultdict[int, list[str]] = defaultdict(list)

    def feed(self, index: int, text: str, *, ended: bool) -> None:
        """Take the next piece of choice `index`; `ended` when the model ended it by itself.

        Raises `InvalidValue` if its JSON is not complete then.
        """
        if self._structure is None:
            return
        self._texts[index].append(text)
        if not ended:
            return
        try:
            json.loads("".join(self._texts[index]))
        except ValueError as error:
            raise InvalidValue(
                "The schema cannot be used: it costs the engine too much at one step of an answer.",
                param=self._structure.param,
            ) from error
