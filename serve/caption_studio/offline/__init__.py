"""Many pictures → a table of captions, without a running service: Ray Data over the same engines.

Here: the three stages as workers of a stream, and the command that writes its rows down. Not here:
the engines (`vision`, `language`), the forms of a table and its journal (`client`).
"""
