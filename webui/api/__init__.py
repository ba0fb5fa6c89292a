"""The runtime's HTTP API on the site's port, for holders of API keys: who may ask is decided here, the bytes are passed through.

A raw ASGI application in front of Django, which sees none of it: no session, no cookie, no form token. What a key opens is
asked anew at every request.
"""
