"""Documents in a Redis server: for crawlers on several machines.

Everything is kept under ``reservations:1:``: heads by key (``d:``), bodies by digest (``b:``),
claims (``c:``). Bodies are written anew with each document, so that none expires before the
last that needs it. Needs the extra ``[redis]``.
"""

import hashlib

from reservation_middleware.model import ConfigurationError, Document

from .codec import UnreadableError, checked, digest_of, name_of, pack
from .protocol import LEASE, Key
from .shared import KEPT, RETRY, SharedCache

try:
    import redis
    from redis.backoff import NoBackoff
    from redis.retry import Retry
except ImportError as error:  # pragma: no cover - needs an environment without redis
    raise ImportError(
        "a cache in Redis needs redis-py: pip install 'reservation-middleware[redis]', "
        "or in a checkout uv run --extra redis …"
    ) from error

#: The format's version is in it: another one never meets these keys.
PREFIX = b"reservations:1:"
#: Seconds for one call; a server that takes longer is as good as dead.
TIMEOUT = 2.0
#: Longer keys, as of long addresses, are replaced by their digest.
_LONG_KEY = 200

# One who holds a claim renews it; whoever comes second gets none.
_HOLD = """
local owner = redis.call('GET', KEYS[1])
if owner and owner ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
"""
# A claim that lapsed may be another's by now.
_LET_GO = """
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
return 0
"""


class RedisCache(SharedCache):
    """A cache of policy documents in Redis. The server is first asked when it is needed.

    Args:
        url: ``redis://``, ``rediss://`` or ``unix://``, as redis-py reads it.
        lease: seconds after which a claim lapses that is not renewed.
        retry: seconds for which a server that failed is left alone.
        timeout: seconds for one call.

    Raises:
        ConfigurationError: the URL is none of a Redis server.
    """

    threads = 8
    #: Whatever it raises: what answers nonsense makes redis-py's parser fail in any way, an
    #: AttributeError or a RecursionError included, and is as good as dead.
    failures = (Exception,)

    def __init__(
        self, url: str, *, lease: float = LEASE, retry: float = RETRY, timeout: float = TIMEOUT
    ) -> None:
        try:
            # Nothing is tried twice: 200 crawlers that do would keep a weak server down.
            pool = redis.ConnectionPool.from_url(
                url,
                socket_timeout=timeout,
                socket_connect_timeout=timeout,
                retry=Retry(NoBackoff(), 0),
            )
            pool.make_connection()  # connects to nothing, but knows the options
        except (ValueError, TypeError, AttributeError, redis.RedisError) as error:
            raise ConfigurationError(f"not the address of a Redis server: {error}") from error
        self.deadline = 2 * timeout
        # Without user name and password.
        where = pool.connection_kwargs
        place = where.get("path") or f"{where.get('host', 'localhost')}:{where.get('port', 6379)}"
        super().__init__(f"Redis at {place}", lease=lease, retry=retry)
        self._client = redis.Redis(connection_pool=pool)
        self._hold_script = self._client.register_script(_HOLD)
        self._let_go_script = self._client.register_script(_LET_GO)

    def _gone(self, error: Exception) -> bool:
        # What it answers with an error, such as that its memory is full, it did answer.
        return not isinstance(error, redis.ResponseError)

    def _why(self, error: Exception) -> str:
        # Errors of pipelines repeat what was sent.
        return str(error).rpartition(" caused error: ")[2]

    def _load(self, key: Key) -> Document | None:
        head = self._bytes(_at(b"d:", key))
        if head is None:
            return None
        digest = digest_of(head)
        if digest is None:
            return checked(head, None)
        body = self._bytes(_body_at(digest))
        # Redis may have made room with the body only.
        return None if body is None else checked(head, body)

    def _bytes(self, name: bytes) -> bytes | None:
        try:
            found = self._client.get(name)
        except redis.ResponseError as error:
            if str(error).startswith("WRONGTYPE"):
                raise UnreadableError(str(error)) from error
            raise
        if not isinstance(found, bytes | None):
            raise redis.InvalidResponse(f"{type(found).__name__} where bytes should be")
        return found

    def _store(self, key: Key, document: Document) -> None:
        head, digest, body = pack(document)
        with self._client.pipeline(transaction=False) as calls:
            if digest is not None and body is not None:
                calls.set(_body_at(digest), body, ex=KEPT)
            calls.set(_at(b"d:", key), head, ex=KEPT)
            answers = calls.execute()
        if answers != [True] * len(answers):
            raise redis.InvalidResponse("SET was answered by something else")

    def _hold(self, key: Key) -> bool:
        lease = max(1, round(self._lease * 1000))
        answer = self._hold_script([_at(b"c:", key)], [self._owner, lease])
        if answer not in (0, 1):
            raise redis.InvalidResponse("a claim was answered by something else")
        return bool(answer)

    def _let_go(self, key: Key) -> None:
        self._let_go_script([_at(b"c:", key)], [self._owner])

    def _disconnect(self) -> None:
        self._client.close()
        self._client.connection_pool.disconnect()


def _at(kind: bytes, key: Key) -> bytes:
    name = name_of(key)
    if len(name) > _LONG_KEY:
        name = hashlib.sha256(name).hexdigest().encode()
    return PREFIX + kind + name


def _body_at(digest: bytes) -> bytes:
    return PREFIX + b"b:" + digest.hex().encode()
