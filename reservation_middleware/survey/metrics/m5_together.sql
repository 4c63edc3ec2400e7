-- M5: signals that stand together at a site.
with pairs as (
    select wave, host, unnest(signals) as signal, signals from sites
)
select wave, signal, other, count(*) as sites
from (select wave, signal, unnest(signals) as other from pairs)
where signal < other
group by wave, signal, other
order by wave, sites desc, signal, other
