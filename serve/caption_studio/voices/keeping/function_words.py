"""English words that lead to a next word: a sentence does not end with one; pure.

Captions in other languages are cut without this knowledge.
"""

ARTICLES = frozenset("a an the my your our his her its their".split())

LINKS = frozenset(
    "and or but nor so yet with without within of in on at to for from by as into onto over under "
    "near between through across against around behind beside about above below during after "
    "before until upon toward towards along than that which who whose where when while because if "
    "is are was were be like very not no every each some any these those plus via per".split()
)

ENDLESS = ARTICLES | LINKS
