"""Caption Studio: a picture goes in, a caption worth posting comes out.

Read `caption_studio.pipeline` first: it tells the story on one page.
"""

from caption_studio.torch_companions import hide_unfit

hide_unfit()  # here: it must come before transformers' import, in vLLM's processes too
