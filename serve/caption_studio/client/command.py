"""`caption-studio caption`: many pictures in flight, their captions printed in order."""

import argparse
import asyncio
import os
import sys
from collections import deque
from collections.abc import Sequence
from itertools import islice

from caption_studio.client.output import Output
from caption_studio.client.pictures import Picture, PictureFailed, find_pictures
from caption_studio.client.service import AllFail, Caption, Service, can_be_sent, service_url
from caption_studio.client.tabulate import tabulate

API_KEY_VARIABLE = "CAPTION_STUDIO_API_KEY"
LOOKAHEAD = 4
"""Pictures begun, per one in flight: a slow one delays the printing, not the requests."""

FAILED, MISUSED = 1, 2


def caption(arguments: argparse.Namespace) -> int:
    """Print description and caption of each picture, or write them to a table.

    Returns 0, 1 if any failed, 2 for a misuse. A picture that fails is named on standard error or
    in its row, and the others go on.
    """
    api_key = arguments.api_key or os.environ.get(API_KEY_VARIABLE) or None
    try:
        url = service_url(arguments.url)
        if api_key is not None and not can_be_sent(api_key):
            raise ValueError("an API key consists of visible ASCII characters")
        _check_options(arguments)
    except ValueError as error:
        print(f"caption-studio: {error}", file=sys.stderr)
        return MISUSED
    pictures = find_pictures(arguments.pictures)
    in_flight = arguments.in_flight
    if arguments.output is not None:
        return tabulate(
            pictures,
            Service(url, model=arguments.model, api_key=api_key, in_flight=in_flight),
            arguments.output,
            in_flight=in_flight,
            resume=arguments.resume,
            overwrite=arguments.overwrite,
            max_errors=arguments.max_errors,
        )

    async def run() -> int:
        service = Service(url, model=arguments.model, api_key=api_key, in_flight=in_flight)
        with Output(len(pictures), as_json=arguments.json) as output:
            async with service:
                return await _caption_all(pictures, service, output, in_flight)

    return FAILED if asyncio.run(run()) else 0


def _check_options(arguments: argparse.Namespace) -> None:
    """Raise `ValueError` if options do not go together."""
    if arguments.output is None:
        if arguments.resume or arguments.overwrite or arguments.max_errors is not None:
            raise ValueError("--resume, --overwrite and --max-errors need --output")
    elif arguments.json:
        raise ValueError("--json prints, --output writes: give one of them")


async def _caption_all(
    pictures: Sequence[Picture], service: Service, output: Output, in_flight: int
) -> int:
    """Caption and print all, in their order; return the number of failures."""
    places = asyncio.Semaphore(in_flight)

    async def one(picture: Picture) -> Caption | PictureFailed:
        async with places:
            try:
                return await service.caption(picture)
            except PictureFailed as error:
                return error

    waiting = iter(pictures)
    begun: deque[tuple[Picture, asyncio.Task[Caption | PictureFailed]]] = deque()
    failed = unnamed = 0
    all_fail = False
    try:
        while True:
            for picture in islice(waiting, in_flight * LOOKAHEAD - len(begun)):
                begun.append((picture, asyncio.create_task(one(picture))))
            if not begun:
                break
            result = await begun[0][1]
            picture, _ = begun.popleft()
            if isinstance(result, Caption):
                output.caption(picture, result)
                continue
            failed += 1
            is_known = all_fail and isinstance(result, AllFail)
            unnamed += is_known
            all_fail = all_fail or isinstance(result, AllFail)
            output.failure(picture, str(result), is_known=is_known)
    finally:
        for _, task in begun:
            task.cancel()
        await asyncio.gather(*(task for _, task in begun), return_exceptions=True)
    if unnamed:
        output.say(f"caption-studio: the same for {unnamed} more")
    return failed
