-- M7: between which waves a site first denied an agent everything: after the wave numbered
-- last_open (0: before the first wave), by the wave numbered first_denied (null: not yet). Sites
-- with the same interval are counted together, by bootstrap sample (0 is the data themselves).
-- turnbull.py makes of it the share of sites that deny by each wave, with its interval.
with numbered as (
    select wave, row_number() over (order by wave) as place
    from (select distinct wave from sites)
),
states as (
    select host, registrable_domain, agent, place, access = 'full' as denied
    from agents_all join numbered using (wave)
    where access <> 'unknown'
        and agent in ('GPTBot', 'CCBot', 'ClaudeBot', 'Google-Extended', 'Bytespider')
),
first_times as (
    select host, registrable_domain, agent, min(place) filter (denied) as first_denied,
        max(place) as last_known
    from states group by host, registrable_domain, agent
),
intervals as (
    select first_times.agent, first_times.host, any_value(first_times.registrable_domain) as domain,
        any_value(first_denied) as first_denied,
        coalesce(max(place) filter (not denied and place < coalesce(first_denied, 1000000)), 0)
            as last_open
    from first_times join states using (host, agent)
    group by first_times.agent, first_times.host
),
drawn as (
    select *, case when replicate = 0 then 1 else poisson(domain, replicate) end as times
    from intervals cross join range(201) as samples(replicate)
)
select agent, replicate, last_open, first_denied, sum(times)::bigint as sites
from drawn
group by all
having sum(times) > 0
order by agent, replicate, last_open, first_denied
