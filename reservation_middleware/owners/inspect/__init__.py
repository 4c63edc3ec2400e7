"""Inspection of one page as its site's owner sees it: places, agents and uses, what to mend.

``look`` fetches, ``inspection`` has the nouns, ``matrix`` the agents, ``findings`` what to mend,
``words`` the sentences, ``forms`` text, JSON, HTML and Markdown.
"""
