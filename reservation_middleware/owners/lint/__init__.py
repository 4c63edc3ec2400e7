"""Findings for site owners: what is said in a way that nobody reads, or nobody means.

``run.lint`` takes sites' documents, from files.py or live.py, and gives a report; ``render`` writes
it. A file per small family of findings; ``registry`` names them all.
"""
