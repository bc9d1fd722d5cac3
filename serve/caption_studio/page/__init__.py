"""The studio, a page for browsers: static files, which any gateway serves (gateway.page).

It is a client of the public API and nothing else. Pictures and captions are kept in the browser.
"""
