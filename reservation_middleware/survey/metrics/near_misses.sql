-- Refusals that are clearly meant and misspelled, and names that are nearly those of agents or keys
-- and so say nothing: by family, of the sites whose robots.txt was read.
with files as (
    select wave, count(*) as of_sites from sites
    where capture in ('with-rules', 'no-rules') group by wave
)
select wave, signal,
    case when preference = 'unknown' then 'says nothing' else 'counts as a refusal' end as effect,
    count(distinct host) as sites, any_value(of_sites) as of_sites,
    count(distinct host) / any_value(of_sites) as share,
    wilson_low(count(distinct host), any_value(of_sites)) as low,
    wilson_high(count(distinct host), any_value(of_sites)) as high,
    arg_min(text, length(text)) as example
from statements join files using (wave)
where near_miss
group by wave, signal, effect
order by wave, sites desc, signal, effect
