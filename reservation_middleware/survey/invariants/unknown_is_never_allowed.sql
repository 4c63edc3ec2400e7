-- Where nothing is known of a site's rules every access is unknown, and only there.
select sites.host, sites.wave, capture, agent, access
from sites join agents on agents.host = sites.host and agents.wave = sites.wave
where is_missing(capture) <> (access = 'unknown')
