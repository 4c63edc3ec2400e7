-- M5: how many sites say something, by signal and place. The denominator is the place's own: sites
-- whose robots.txt was read, sites of which a page was read, or (for files of their own) all sites
-- of the wave.
with reads as (
    select wave, count(*) filter (capture in ('with-rules', 'no-rules')) as files, count(*) as sites
    from sites group by wave
),
page_hosts as (select count(distinct host) as hosts from pages),
spoken as (
    select wave, signal, carrier, host, bool_or(not inferred) as direct,
        bool_or(preference = 'disallowed') as no, bool_or(preference = 'allowed') as yes
    from statements
    where signal <> 'fingerprint' and not (near_miss and preference = 'unknown')
    group by wave, signal, carrier, host
)
select
    wave, signal, carrier, count(*) as sites,
    case when carrier = 'robots.txt' then any_value(files)
         when carrier in ('header', 'meta') then (select hosts from page_hosts)
         else any_value(reads.sites) end as of_sites,
    sites / nullif(of_sites, 0) as share,
    wilson_low(sites, of_sites) as low, wilson_high(sites, of_sites) as high,
    count(*) filter (no) as saying_no, count(*) filter (yes) as saying_yes,
    count(*) filter (not direct) as only_inferred
from spoken left join reads using (wave)
group by wave, signal, carrier
order by wave, sites desc, signal, carrier
