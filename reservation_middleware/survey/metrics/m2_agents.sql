-- M2: each agent's status, of the sites of which it is known (a robots.txt that was read, or none
-- there). missing: sites of which it is not; with them the share lies between lowest and highest.
select
    wave, agent,
    count(*) filter (access = 'full') as full_sites,
    count(*) filter (access = 'full' and source = 'named') as full_named,
    count(*) filter (access = 'full' and source = 'inherited') as full_inherited,
    count(*) filter (access = 'partial') as partial_sites,
    count(*) filter (access = 'explicit-allow') as explicit_allow,
    count(*) filter (source = 'named') as named,
    count(*) filter (access <> 'unknown') as known,
    count(*) filter (access = 'unknown') as missing,
    full_sites / nullif(known, 0) as share,
    wilson_low(full_sites, known) as low,
    wilson_high(full_sites, known) as high,
    full_named / nullif(known, 0) as share_named,
    full_sites / count(*) as lowest,
    (full_sites + missing) / count(*) as highest
from agents_all
group by wave, agent
order by wave, full_sites desc, agent
