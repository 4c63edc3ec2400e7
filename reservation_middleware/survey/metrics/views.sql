-- The tables of a survey, and what all metrics share. Run it first, in the survey's folder:
--   cd my-survey && duckdb -init metrics/views.sql
create or replace view sites as from read_parquet('sites/*.parquet');
create or replace view agents as from read_parquet('agents/*.parquet');
create or replace view statements as from read_parquet('statements/*.parquet');
create or replace view pages as from read_parquet('pages/*.parquet');
-- Hosts that a list named, with their rank and number of documents.
create or replace view frame as from read_parquet('lists/frame/*.parquet');
-- Known AI agents: agent, operator, purposes. Replace the file to ask about other agents.
create or replace view agent_list as from read_parquet('lists/agents.parquet');
-- Tokens (or any other amount) by site: surt_host_name, corpus, tokens.
create or replace view weights as from read_parquet('lists/weights.parquet');
-- What is known of sites besides: surt_host_name, stratum, value.
create or replace view strata as from read_parquet('lists/strata.parquet');
-- Releases of a list of agents: released, agent.
create or replace view agent_sets as from read_parquet('lists/agent_sets.parquet');

-- Wilson's interval of a share, 95 %.
create or replace macro wilson_low(k, n) as case when n > 0 then greatest(0,
    (k + 1.9207) / (n + 3.8415) - 1.96 / (n + 3.8415) * sqrt(k * (n - k) / n + 0.9604)) end;
create or replace macro wilson_high(k, n) as case when n > 0 then least(1,
    (k + 1.9207) / (n + 3.8415) + 1.96 / (n + 3.8415) * sqrt(k * (n - k) / n + 0.9604)) end;

-- With these captures it is not known what a site allows. They are never counted as allowed.
create or replace macro is_missing(capture) as capture in
    ('no-capture', 'forbidden', 'defer', 'redirect-unresolved', 'not-robots');

-- Rules that match every path, and rules that match the root.
create or replace macro is_everything(path) as replace(path, '*', '') in ('', '/');
create or replace macro matches_root(path) as replace(path, '*', '') in ('', '/', '$', '/$');

-- How often a unit is drawn in one of many bootstrap samples: a Poisson number with mean 1, made
-- from a hash, so that it is the same in each run. (A hash of the two as two values is not even
-- enough: its samples vary by a sixth too much.)
create or replace macro poisson(unit, replicate) as (
    list_count(list_filter([0.367879, 0.735759, 0.919699, 0.981012, 0.996340, 0.999406, 0.999917],
        lambda edge: edge < hash(unit || '#' || replicate) / 18446744073709551615.0)));

-- Every agent of agent_list at every site. source says how the rules come to it: named by the
-- file, inherited from the group for everyone, or none.
create or replace view agents_all as
select
    sites.host, sites.surt_host_name, sites.registrable_domain, sites.wave, agent_list.agent,
    case when is_missing(sites.capture) then 'unknown'
         else coalesce(named.access, everyone.access, 'none') end as access,
    case when is_missing(sites.capture) then null
         when named.agent is not null then 'named'
         when everyone.line is not null then 'inherited'
         else 'none' end as source,
    coalesce(named.line, everyone.line) as line
from sites
cross join agent_list
left join agents as named
    on named.host = sites.host and named.wave = sites.wave
    and lower(named.agent) = lower(agent_list.agent)
left join agents as everyone
    on everyone.host = sites.host and everyone.wave = sites.wave and everyone.agent = '*';
