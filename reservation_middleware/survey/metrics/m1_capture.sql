-- M1: how asking for robots.txt ended, of all sites of a wave.
select
    wave, capture, count(*) as sites,
    sum(count(*)) over (partition by wave) as of_sites,
    count(*) / sum(count(*)) over (partition by wave) as share,
    is_missing(capture) as is_missing
from sites
group by wave, capture
order by wave, sites desc, capture
