"""Surveys: how many sites say what, from archives and lists, as tables and a report.

``extract`` is the kernel (documents in, rows out), ``read`` the inputs, ``engines`` run both,
``metrics`` are queries over the tables, ``page`` is the report. Needs the extra ``[survey]``.
"""

from importlib.util import find_spec

#: What the extra brings, by the name under which it is imported.
NEEDED = ("pyarrow", "duckdb", "fastwarc", "fsspec", "altair", "vl_convert")

_missing = [name for name in NEEDED if find_spec(name) is None]
if _missing:
    raise ImportError(
        f"surveys need {', '.join(_missing)}: pip install 'reservation-middleware[survey]', "
        "or in a checkout uv run --extra survey …"
    )
