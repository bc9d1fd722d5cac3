"""A platform's name → the limits of a caption there, its hashtags included; pure.

A limit stands here only if the platform publishes it. `most_hashtags` is None where it names no
limit. Web addresses, which X and Mastodon count as 23 characters, are counted as they are.
"""

from collections.abc import Callable
from dataclasses import dataclass

from caption_studio.voices.keeping.counting import (
    for_threads,
    for_x,
    graphemes,
    utf8_bytes,
    utf16_units,
)


@dataclass(frozen=True, slots=True)
class Platform:
    """The limits of one platform; `count` counts a text's characters as the platform does."""

    title: str
    most_characters: int
    count: Callable[[str], int] = utf16_units
    most_hashtags: int | None = None


PLATFORMS = {
    # https://developers.facebook.com/docs/instagram-platform/instagram-graph-api/reference/ig-user/media
    "instagram": Platform("Instagram", 2200, most_hashtags=30),
    # https://developers.facebook.com/docs/pages-api/posts
    "facebook": Platform("Facebook", 63206),
    # https://docs.x.com/fundamentals/counting-characters
    "x": Platform("X", 280, for_x),
    # https://developers.facebook.com/docs/threads/overview: emoji count as their UTF-8 bytes
    "threads": Platform("Threads", 500, for_threads),
    # https://docs.bsky.app/docs/advanced-guides/posts and the lexicon app.bsky.feed.post
    "bluesky": Platform("Bluesky", 300, graphemes),
    # https://docs.joinmastodon.org/user/posting: the limit of an unchanged server
    "mastodon": Platform("Mastodon", 500, graphemes),
    # https://www.linkedin.com/help/linkedin/answer/a528176
    "linkedin": Platform("LinkedIn", 3000),
    # https://help.pinterest.com/en/business/article/pinterest-product-specs: 800 for some formats
    "pinterest": Platform("Pinterest", 500),
    # https://developers.tiktok.com/doc/content-posting-api-reference-direct-post
    "tiktok": Platform("TikTok", 2200),
    # https://developers.google.com/youtube/v3/docs/videos (5,000 bytes) and
    # https://support.google.com/youtube/answer/6390658 (over 60 hashtags, all are ignored)
    "youtube": Platform("YouTube", 5000, utf8_bytes, most_hashtags=60),
}
