"""Watches sites: looks again, keeps a history, and tells changes of effect with the line that did it.

``effect`` is what a look found, ``compare`` sets two looks side by side, ``history`` keeps them,
``run`` looks, ``webhook`` tells a server.
"""
