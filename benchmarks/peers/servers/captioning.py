"""Descriptions → prompts → captions, as the 2023 notebook did it; pure.

Every peer that captions uses these two functions, so that all do the same work.
"""

MAX_NEW_TOKENS = 50
TEMPERATURE = 0.1
TOP_P = 0.7
DESCRIPTION_MAX_LENGTH = 50
"""The settings of the notebook: three for the captions, one for the descriptions."""


def caption_prompt(description: str) -> str:
    """Return the prompt that the adapter was trained with, up to where the caption begins."""
    return (
        "Convert the given image description to social media worthy caption:\n"
        f"Description: {description}\nCaption:"
    )


def caption_in(text: str) -> str:
    """Return the text between the first pair of double quotes in the model's answer.

    If its first line has no quotes, the whole answer is the caption. A caption that was cut off
    before its closing quote ends with the answer.
    """
    first_line = text.lstrip().partition("\n")[0]
    if '"' not in first_line:
        return text.strip()
    return text.partition('"')[2].partition('"')[0]
