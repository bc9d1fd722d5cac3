"""A failure on one prompt → the error of that prompt, or of an engine that answers none.

Not here: how the probe is sent (language.engine).
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from caption_studio.errors import (
    RETRY_AFTER_S,
    CaptionStudioError,
    EngineDied,
    EngineFailure,
    NotReady,
)
from caption_studio.records import Prompt, Sampling

logger = logging.getLogger(__name__)


def probe(request_id: str) -> Prompt:
    """Return a prompt that every base model can answer, with one token."""
    sampling = Sampling(max_tokens=1, temperature=0.0, top_p=1.0)
    return Prompt(request_id, model="", text="A", sampling=sampling, answer="verbatim")


async def verdict(
    error: Exception, ask_probe: Callable[[], Awaitable[None]], *, timeout_s: float
) -> CaptionStudioError:
    """Return the prompt's own `EngineFailure` if the probe is answered in time, else `EngineDied`.

    The text of an exception from the model's code goes to the log only.
    """
    try:
        async with asyncio.timeout(timeout_s):
            await ask_probe()
    except NotReady as closing:
        return closing
    except Exception:  # anything, the timeout too: the engine cannot answer even the probe
        logger.critical("the captioner's engine answers no prompt any more", exc_info=True)
        return dead()
    logger.warning("the captioner failed on a prompt", exc_info=error)
    if isinstance(error, EngineFailure):
        return error
    return EngineFailure("The captioner failed on this request.")


def dead() -> EngineDied:
    """Return the error that callers get from a dead engine."""
    return EngineDied("The captioner is being replaced.", retry_after_s=RETRY_AFTER_S)
