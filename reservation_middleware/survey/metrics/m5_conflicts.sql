-- M5: families that contradict one another about a use, at the site's root: kind is
-- leaf:no-family>yes-family. The denominator is the sites at which both families speak.
with kinds as (
    select wave, host, unnest(conflicts) as kind from sites
),
named as (
    select wave, kind, count(*) as sites, regexp_extract(kind, ':(.+)>', 1) as no_family,
        regexp_extract(kind, '>(.+)$', 1) as yes_family
    from kinds group by wave, kind
)
select
    named.wave, named.kind, any_value(named.sites) as sites, count(sites.host) as of_sites,
    any_value(named.sites) / nullif(count(sites.host), 0) as share,
    wilson_low(any_value(named.sites), count(sites.host)) as low,
    wilson_high(any_value(named.sites), count(sites.host)) as high
from named
left join sites on sites.wave = named.wave
    and list_contains(signals, no_family) and list_contains(signals, yes_family)
group by named.wave, named.kind
order by named.wave, sites desc, named.kind
