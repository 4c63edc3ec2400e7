-- M2 by public suffix, rank and whatever else is known of sites (category, country …): sites that
-- deny GPTBot, CCBot, ClaudeBot or Google-Extended everything. Strata of fewer than five sites are
-- left out.
with suffixes as (
    select distinct surt_host_name, 'suffix' as stratum,
        regexp_extract(registrable_domain, '^[^.]+\.(.+)$', 1) as value
    from sites
),
ranks as (
    select surt_host_name, 'rank' as stratum,
        case when min(rank) <= 1000 then '1 to 1,000' when min(rank) <= 10000 then '1,001 to 10,000'
             when min(rank) <= 100000 then '10,001 to 100,000' else 'past 100,000' end as value
    from frame where rank is not null group by surt_host_name
),
all_strata as (
    from suffixes where value <> '' union all from ranks
    union all select surt_host_name, stratum, value from strata
)
select wave, stratum, value, agent,
    count(*) filter (access = 'full') as full_sites, count(*) filter (access <> 'unknown') as known,
    count(*) filter (access = 'unknown') as missing, full_sites / known as share,
    wilson_low(full_sites, known) as low, wilson_high(full_sites, known) as high
from agents_all join all_strata using (surt_host_name)
where agent in ('GPTBot', 'CCBot', 'ClaudeBot', 'Google-Extended')
group by wave, stratum, value, agent
having count(*) filter (access <> 'unknown') >= 5
order by wave, stratum, known desc, value, agent
