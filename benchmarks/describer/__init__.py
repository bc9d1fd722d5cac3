"""The describer by itself: our engine beside `generate()`, in one process, without HTTP.

The only benchmark that imports the service: an engine has no wire to be asked over.
"""
