"""Pictures, or a table that people have → a data set of captions, with what it was made of.

Here: a describer looks at each picture, a teacher writes its captions, people may review them. Not
here: the form of a data set (`training.rows`), and what is trained on it.
"""
