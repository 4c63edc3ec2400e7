"""The site owner's web page: checks a page for whoever asks, writes files from an intent, compares dates.

``app`` puts it together, ``routes`` answers, ``looks`` looks, ``reports`` keeps, ``limits`` bounds,
``pages`` shows, ``intent_form`` reads the intent editor, ``headers`` is what every response says.
"""
