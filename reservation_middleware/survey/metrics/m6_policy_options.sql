-- M6: what each policy option would leave usable, in sites, documents and tokens. One crawl's
-- evidence judged under every profile; nothing is fetched again.
--   blocked        the site's own words, or their absence, block the use ai-train
--   if_denied      ... and every site of which nothing is known denied it, too
-- rule_of_time: each wave as of its fetch; "latest" is what is known last of each site, applied to
-- all; "ever" counts a site that was blocked in any wave.
with profiles(option, profile, unknown_blocks, reservation_blocks, inferred_counts) as (
    values
        ('0 do nothing: crawl rules only', 'record-only', false, false, false),
        ('1 licence in all cases', 'licence-first', true, true, false),
        ('2 broad exception: crawl rules only', 'record-only', false, false, false),
        ('3 opt-out', 'opt-out', false, true, false),
        ('3a opt-out, a block of any AI agent counts', 'opt-out, proxy_agents = count', false, true, true),
        ('strict: silence blocks, and a block of any AI agent counts', 'strict', true, true, true)
),
asking(agent) as (values ('*'), ('GPTBot'), ('CCBot')),
-- How the rules of robots.txt come to who asks.
access as (
    select sites.host, sites.surt_host_name, sites.wave, asking.agent, sites.capture,
        named.agent is not null and asking.agent <> '*' as is_named,
        coalesce(named.access, everyone.access) = 'full' as crawl_denied
    from sites cross join asking
    left join agents as named on named.host = sites.host and named.wave = sites.wave
        and named.agent = asking.agent
    left join agents as everyone on everyone.host = sites.host and everyone.wave = sites.wave
        and everyone.agent = '*'
),
-- Statements about the whole site, for each leaf of ai-train.
site_wide as (
    select host, wave, signal, carrier, category, agent, preference
    from statements
    where category in ('ai-train-gen', 'ai-train-nongen') and not inferred
        and (path is null or is_everything(path))
        and signal not in ('robots', 'robots-agents', 'fingerprint')
        and document not in (select url from pages)
),
applying as (
    select access.host, access.wave, access.agent, site_wide.category, site_wide.signal,
        bool_or(preference = 'disallowed') as no,
        bool_or(preference = 'allowed') and not bool_or(preference = 'unknown') as yes
    from access join site_wide on site_wide.host = access.host and site_wide.wave = access.wave
        and (list_contains(site_wide.agent, lower(access.agent))
            or (list_contains(site_wide.agent, '*') and (site_wide.carrier <> 'robots.txt' or not is_named)))
    group by all
),
leaves as (
    select host, wave, agent, category, bool_or(no) as no, bool_or(yes) as yes
    from applying group by host, wave, agent, category
),
verdicts as (
    select host, wave, agent, bool_or(no) as no,
        count(*) filter (yes and not no) = 2 as yes
    from leaves group by host, wave, agent
),
tokens_of_policy as (
    select host, wave from agents where lower(agent) = '__usage_ai-training' and access = 'full'
),
any_training_block as (
    select distinct agents.host, agents.wave
    from agents join agent_list on lower(agent_list.agent) = lower(agents.agent)
    where access = 'full'
        and list_has_any(purposes, ['ai-train', 'ai-train-gen', 'ai-train-nongen', 'ai'])
),
judged as (
    select access.host, access.surt_host_name, access.wave, access.agent, option, profile,
        is_missing(access.capture) as missing,
        coalesce(crawl_denied, false)
            or (reservation_blocks and (coalesce(verdicts.no, false)
                or tokens_of_policy.host is not null
                or (inferred_counts and any_training_block.host is not null)))
            or (unknown_blocks and not coalesce(verdicts.yes, false)) as blocked
    from access cross join profiles
    left join verdicts using (host, wave, agent)
    left join tokens_of_policy using (host, wave)
    left join any_training_block using (host, wave)
),
timed as (
    select wave as rule_of_time, host, surt_host_name, agent, option, profile, missing,
        blocked and (not missing or profile in ('licence-first', 'strict')) as blocked
    from judged
    union all
    select 'latest', host, surt_host_name, agent, option, profile,
        bool_and(missing), coalesce(arg_max(blocked, wave) filter (not missing),
            bool_and(blocked and profile in ('licence-first', 'strict')))
    from judged group by all
    union all
    select 'ever', host, surt_host_name, agent, option, profile, bool_and(missing),
        bool_or(blocked and (not missing or profile in ('licence-first', 'strict')))
    from judged group by all
),
amounts as (
    select distinct surt_host_name, 'sites' as measure, 1.0 as amount from sites
    union all
    select surt_host_name, 'documents', sum(documents) from frame
    group by surt_host_name having sum(documents) > 0
    union all
    select pages_of.surt_host_name, 'pages', count(*)
    from pages join (select distinct host, surt_host_name from sites) as pages_of using (host)
    group by pages_of.surt_host_name
    union all
    select surt_host_name, corpus, tokens from weights
),
by_key as (
    select rule_of_time, surt_host_name, agent, option, profile,
        bool_and(missing) as missing, bool_or(blocked) as blocked
    from timed group by all
)
select
    rule_of_time, option, profile, agent, measure,
    sum(amount) as total,
    sum(amount) filter (blocked) as blocked,
    sum(amount) filter (blocked or missing) as if_denied,
    sum(amount) filter (missing) as missing,
    1 - coalesce(sum(amount) filter (blocked), 0) / sum(amount) as usable,
    1 - coalesce(sum(amount) filter (blocked or missing), 0) / sum(amount) as usable_if_denied
from by_key join amounts using (surt_host_name)
group by rule_of_time, option, profile, agent, measure
order by rule_of_time, measure, option, agent
