"""Stock Scrapy and aiohttp beside ours: what is got, what is lost, which rules are broken.

One table of situations (`crawls.py`, `sessions.py`), each done twice by real crawls and sessions
against a server on loopback: as a project does it today, and with nothing changed but that
reservation_middleware was put in. `python -m tests.side_by_side` prints the table.
"""
