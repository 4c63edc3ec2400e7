-- M8: marks of where a robots.txt comes from: it cites the text and data mining exception
-- (Directive 2019/790), it is managed by Cloudflare, or its agents are those of a release of a list
-- (Jaccard index of at least 0.9 with the release that fits best).
with files as (
    select wave, host from sites where capture in ('with-rules', 'no-rules')
),
per_wave as (select wave, count(*) as of_sites from files group by wave),
named as (
    select host, wave, list(distinct lower(agent)) as tokens
    from agents where agent <> '*' group by host, wave
),
releases as (
    select released, list(distinct lower(agent)) as tokens from agent_sets group by released
),
fitting as (
    select host, wave, max(len(list_intersect(named.tokens, releases.tokens))
        / len(list_distinct(named.tokens || releases.tokens))) as jaccard
    from named join releases on len(named.tokens) between 0.9 * len(releases.tokens)
        and len(releases.tokens) / 0.9
    group by host, wave
),
marks as (
    select distinct wave, host, category as mark from statements where signal = 'fingerprint'
    union all
    select wave, host, 'agents of an ai.robots.txt release' from fitting where jaccard >= 0.9
),
counted as (select wave, mark, count(*) as sites from marks group by wave, mark)
select wave, mark, sites, of_sites, sites / of_sites as share,
    wilson_low(sites, of_sites) as low, wilson_high(sites, of_sites) as high
from counted join per_wave using (wave)
order by wave, sites desc, mark
