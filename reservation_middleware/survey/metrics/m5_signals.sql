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
),
counted as (
    select wave, signal, carrier, count(*) as sites,
        count(*) filter (no) as saying_no, count(*) filter (yes) as saying_yes,
        count(*) filter (not direct) as only_inferred
    from spoken group by wave, signal, carrier
),
placed as (
    select counted.*, case when carrier = 'robots.txt' then reads.files
        when carrier in ('header', 'meta') then page_hosts.hosts else reads.sites end as of_sites
    from counted left join reads using (wave) cross join page_hosts
)
select wave, signal, carrier, sites, of_sites, sites / nullif(of_sites, 0) as share,
    wilson_low(sites, of_sites) as low, wilson_high(sites, of_sites) as high,
    saying_no, saying_yes, only_inferred
from placed
order by wave, sites desc, signal, carrier
