"""The describer by itself: our engine beside `generate()`, in one process, without HTTP.

The engine has no HTTP interface, so this benchmark imports the service's code.
"""
