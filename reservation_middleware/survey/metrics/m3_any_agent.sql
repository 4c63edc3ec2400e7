-- M3: sites that fully restrict at least one agent that trains on what it fetches, by name or by
-- the group for everyone, and how many agents a site names on average (bootstrap over registrable
-- domains, 200 samples).
with training as (
    select agent from agent_list
    where list_has_any(purposes, ['ai-train', 'ai-train-gen', 'ai-train-nongen', 'ai'])
),
by_site as (
    select
        sites.wave, sites.host, any_value(sites.registrable_domain) as domain,
        any_value(sites.agents_named) as named,
        coalesce(bool_or(agents.access = 'full' and agents.agent in (from training)), false)
            as by_name,
        coalesce(bool_or(agents.access = 'full'
            and (agents.agent in (from training) or agents.agent = '*')), false) as any_way
    from sites left join agents on agents.host = sites.host and agents.wave = sites.wave
    where not is_missing(sites.capture)
    group by sites.wave, sites.host
),
domains as (
    select wave, domain, count(*) as sites, sum(named) as named from by_site group by wave, domain
),
samples as (
    select wave, replicate, sum(named * poisson(domain, replicate))
        / nullif(sum(sites * poisson(domain, replicate)), 0) as mean_named
    from domains cross join range(200) as samples(replicate)
    group by wave, replicate
),
means as (
    select wave, quantile_cont(mean_named, 0.025) as low, quantile_cont(mean_named, 0.975) as high
    from samples group by wave
)
select
    wave, count(*) as known,
    count(*) filter (any_way) as any_agent, any_agent / known as share,
    wilson_low(any_agent, known) as low, wilson_high(any_agent, known) as high,
    count(*) filter (by_name) as any_agent_named, any_agent_named / known as share_named,
    avg(named) as mean_agents_named,
    any_value(means.low) as mean_low, any_value(means.high) as mean_high
from by_site join means using (wave)
group by wave
order by wave
