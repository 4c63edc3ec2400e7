"""Scrapy's own tests of its robots.txt middleware, run against ours.

They come from the source distribution of the Scrapy that is installed, which `.ci/run` fetches:

    pip download --no-deps --no-binary scrapy scrapy==VERSION
    python -m tests.scrapy_own scrapy-VERSION.tar.gz

What turns out otherwise than for Scrapy's middleware must stand in `differences.py`, no more and no
less.
"""
