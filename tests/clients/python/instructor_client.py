"""instructor: https://python.useinstructor.com, over an OpenAI client with `base_url`."""

import instructor
from checks import KEY, MODEL, PICTURE, URL, feature
from openai import OpenAI
from pydantic import BaseModel, Field


class Post(BaseModel):
    """A post."""

    caption: str = Field(max_length=120)
    likes: int = Field(ge=0, le=1000)


def asked(mode: instructor.Mode) -> None:
    client = instructor.from_openai(OpenAI(base_url=URL, api_key=KEY), mode=mode)
    picture = instructor.Image.from_path(PICTURE)
    post = client.chat.completions.create(
        model=MODEL,
        response_model=Post,
        max_retries=0,
        messages=[{"role": "user", "content": ["A caption, please.", picture]}],
    )
    assert isinstance(post, Post)


feature("structured, JSON schema", lambda: asked(instructor.Mode.JSON_SCHEMA))
feature("structured, JSON", lambda: asked(instructor.Mode.JSON))
