"""What a replica has loaded is there for good: Python's garbage collector need not look at it.

Modules of torch, vLLM and Ray are hundreds of thousands of objects. A full collection among them
stops a gateway for 0.14 s and a captioner for 0.35 s, with every request it has, again and again
under load (Python 3.11, a 2-core machine); of what requests leave behind it takes microseconds.
"""

import gc


def leave_out_what_is_loaded() -> None:
    """Have collections from now on look at newer objects only; call it once all is loaded."""
    gc.collect()
    gc.freeze()
