"""The keys that the service knows: one of all callers, and two with limits."""

KEY = "the-key-of-the-callers"
HEADERS = {"authorization": f"Bearer {KEY}"}

LIMITED_KEY, LIMIT = "the-key-of-the-bakery", 60
"""The key, and its requests a minute."""

FRUGAL_KEY, TOKENS = "the-key-of-the-newsroom", 400
"""The key, and its tokens a minute."""

FILE = (
    f"{KEY} name=callers\n"
    f"{LIMITED_KEY} name=bakery requests_per_minute={LIMIT} tokens_per_minute=100000\n"
    f"{FRUGAL_KEY} name=newsroom tokens_per_minute={TOKENS}\n"
)
