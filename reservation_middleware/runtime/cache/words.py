"""What the heads of responses usually say: a preset dictionary for zlib (RFC 1950 §2.2).

A head is too short to be compressed well by itself. What comes often stands last, where
distances are short. What is stored can be read with the very same words only: whoever changes
one raises the codec's ``VERSION``; a test holds both together.
"""

_VALUES = (
    *("x-aspnet-version", "4.0.30319", "x-aspnetmvc-version", "5.2", "x-powered-by", "ASP.NET"),
    *("server", "Microsoft-IIS/10.0", "x-powered-by", "PHP/7.4.33", "PHP/8.1.27", "PHP/8.2.15"),
    *("x-powered-by", "Express", "Next.js", "x-powered-by", "WP Engine", "PleskLin"),
    *("x-pingback", "/xmlrpc.php", "link", '</wp-json/>; rel="https://api.w.org/"'),
    *("server", "AmazonS3", "x-amz-request-id", "x-amz-id-2", "x-amz-version-id", "null"),
    *("x-amz-server-side-encryption", "AES256", "x-amz-error-code", "NoSuchKey"),
    *("x-cache", "Hit from cloudfront", "Miss from cloudfront", "Error from cloudfront"),
    *("via", "1.1 ", ".cloudfront.net (CloudFront)", "x-amz-cf-pop", "FRA56-P5", "IAD89-C1"),
    *("x-amz-cf-id", "==", "via", "1.1 google", "via", "1.1 varnish, 1.1 varnish", "1.1 vegur"),
    *("x-served-by", "cache-iad-kiad7000", "cache-fra-eddf8230", "-IAD, cache-", "-FRA"),
    *("x-cache", "MISS, HIT", "x-cache-hits", "0, 0", "1, 1", "x-timer", "S17", ",VS0,VE1"),
    *("x-fastly-request-id", "x-github-request-id", "server", "GitHub.com", "Varnish"),
    *("x-vercel-cache", "HIT", "x-vercel-id", "iad1::iad1::", "server", "Vercel", "x-matched-path"),
    *("server", "Netlify", "x-nf-request-id", "cache-status", '"Netlify Edge"; fwd=miss'),
    *("server", "Pepyaka", "x-wix-request-id", "server", "Squarespace", "x-contextid"),
    *("x-shopify-stage", "production", "x-shopid", "x-sorting-hat-podid", "x-dc", "gcp-europe-"),
    *("server", "LiteSpeed", "platform", "hostinger", "panel", "hpanel", "x-turbo-charged-by"),
    *("server", "ATS", "AkamaiGHost", "akamai-grn", "openresty", "Caddy", "gunicorn", "gws", "ESF"),
    *("server", "Apache/2.4.41 (Ubuntu)", "Apache/2.4.52 (Ubuntu)", "Apache/2.4.58 (Ubuntu)"),
    *("server", "Apache/2.4.57 (Debian)", "Apache/2.4.62 (Debian)", "Apache/2.4.6 (CentOS)"),
    *("server", "nginx/1.18.0 (Ubuntu)", "nginx/1.24.0 (Ubuntu)", "nginx/1.22.1", "nginx/1.26.2"),
    *("content-security-policy", "default-src 'self'; script-src 'self' 'unsafe-inline'"),
    *("content-security-policy", "upgrade-insecure-requests", "frame-ancestors 'self'"),
    *("permissions-policy", "interest-cohort=()", "camera=(), microphone=(), geolocation=()"),
    *("cross-origin-opener-policy", "same-origin", "cross-origin-resource-policy", "cross-origin"),
    *("access-control-allow-methods", "GET, POST, OPTIONS, HEAD", "access-control-allow-headers"),
    *("access-control-allow-credentials", "true", "access-control-expose-headers", "Content-Type"),
    *("timing-allow-origin", "*", "server-timing", 'cfCacheStatus;desc="DYNAMIC"', "cfEdge;dur="),
    *("x-request-id", "x-correlation-id", "x-runtime", "0.0", "x-trace-id", "traceparent", "00-"),
    *("x-robots-tag", "noindex, nofollow", "x-ua-compatible", "IE=edge", "x-download-options"),
    *("x-permitted-cross-domain-policies", "none", "noopen", "expect-ct", "max-age=86400"),
    *("p3p", 'CP="', "allow", "GET, HEAD", "upgrade", "h2,h2c", "content-disposition", "inline"),
    *("content-encoding", "gzip", "br", "deflate", "transfer-encoding", "chunked", "x-varnish"),
    *("content-language", "en", "en-US", "de-DE", "fr", "pragma", "no-cache", "expires", "0", "-1"),
    *("expires", "Thu, 19 Nov 1981 08:52:00 GMT", "Thu, 01 Jan 1970 00:00:00 GMT", "keep-alive"),
    *("keep-alive", "timeout=5, max=100", "timeout=5", "timeout=60", "connection", "close"),
    *("nel", '{"report_to":"cf-nel","success_fraction":0.0,"max_age":604800}'),
    *("nel", '{"success_fraction":0,"report_to":"cf-nel","max_age":604800}', "report-to"),
    *('{"group":"cf-nel","max_age":604800,"endpoints":[{"url":"', '"}]}'),
    *("https://a.nel.cloudflare.com/report/v4?s=", "%2B", "%2F", "%3D%3D"),
    *("alt-svc", 'h3=":443"; ma=86400', 'h3=":443"; ma=2592000,h3-29=":443"; ma=2592000'),
    *("referrer-policy", "no-referrer-when-downgrade", "strict-origin-when-cross-origin"),
    *("access-control-allow-origin", "*", "x-xss-protection", "0", "1; mode=block"),
    *("x-frame-options", "DENY", "SAMEORIGIN", "x-content-type-options", "nosniff"),
    *("strict-transport-security", "max-age=63072000; includeSubDomains; preload"),
    *("strict-transport-security", "max-age=31536000; includeSubDomains; preload"),
    *("strict-transport-security", "max-age=15552000", "max-age=31536000", "; includeSubDomains"),
    *("cf-cache-status", "DYNAMIC", "HIT", "MISS", "EXPIRED", "BYPASS", "cf-ray", "-FRA", "-IAD"),
    *("age", "0", "etag", 'W/"', '-gzip"', "last-modified", "vary", "User-Agent", "Cookie"),
    *("vary", "Origin", "Accept-Encoding, Origin", "Accept-Encoding, User-Agent"),
    *("cache-control", "private, no-cache, no-store, max-age=0, must-revalidate"),
    *("cache-control", "no-store, no-cache, must-revalidate", "no-cache, private", "max-age=300"),
    *("cache-control", "public, max-age=3600", "public, max-age=14400", "public, max-age=31536000"),
    *(
        "cache-control",
        "max-age=0",
        "max-age=600",
        "max-age=3600",
        "max-age=14400",
        "max-age=86400",
    ),
    *("content-length", "1245", "162", "196", "146", "548", "153", "accept-ranges", "bytes"),
    *("content-type", "application/json", "application/json; charset=utf-8", "text/html"),
    *("content-type", "text/html; charset=iso-8859-1", "text/html; charset=utf-8"),
    *("content-type", "text/plain", "text/html; charset=UTF-8", "text/plain; charset=UTF-8"),
    *("content-type", "text/plain; charset=utf-8", "vary", "Accept-Encoding", "connection"),
    *("keep-alive", "transfer-encoding", "chunked", "server", "Apache", "nginx", "cloudflare"),
)
_DATES = "".join(
    f"{day}, 01 {month} 202"
    for day, month in (
        *(("Mon", "Jan"), ("Tue", "Feb"), ("Wed", "Mar"), ("Thu", "Apr"), ("Fri", "May")),
        *(("Sat", "Jun"), ("Sun", "Jul"), ("Mon", "Aug"), ("Tue", "Sep"), ("Wed", "Oct")),
        *(("Thu", "Nov"), ("Fri", "Dec")),
    )
)
#: How records start.
_STARTS = (
    '["http://www.","robots.txt","unreachable",503,null,"no answer within 30 s",null,null,null,[]]'
    '["https://www./.well-known/tdmrep.json","tdmrep.json","unavailable",404,null,null,17'
    '["https://www./robots.txt","robots.txt","fetched",200,null,null,null,null,17'
)
#: What precedes the JSON of a document's record.
WORDS = (_DATES + '","'.join(_VALUES) + '","date","' + _STARTS).encode()
