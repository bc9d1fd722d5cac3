"""Caption Studio: a picture goes in, a caption worth posting comes out.

Read `caption_studio.pipeline` first: it tells the story on one page.
"""
