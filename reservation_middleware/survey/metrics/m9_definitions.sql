-- M9: the share of sites that block an agent, under published definitions side by side. The
-- denominator is every site of which a body was read, as the publications have it.
with readable as (
    select host, wave from sites where digest is not null
),
per_wave as (select wave, count(*) as of_sites from readable group by wave),
rules as (
    select host, wave, line, path, preference = 'allowed' as allow, length(path) as octets,
        agent as stack, agent[len(agent)] as last_of_stack
    from statements where signal = 'robots'
),
by_agent as (
    select host, wave, unnest(stack) as token, last_of_stack, line, path, allow, octets from rules
),
asked as (
    select agent, lower(agent) as token from agent_list
    where agent in ('GPTBot', 'CCBot', 'ClaudeBot', 'Google-Extended', 'Bytespider', 'PerplexityBot',
        'Amazonbot', 'anthropic-ai', 'Applebot-Extended', 'Meta-ExternalAgent')
),
-- What a group's rules make of the root and of any other path: the longest wins, Allow on a tie.
decided as (
    select host, wave, token, count(*) as rules,
        bool_or(not allow and starts_with(path, '/')) as any_disallow,
        bool_or(not allow and path = '/') as disallow_all,
        coalesce(not arg_max(allow, octets * 2 + allow::int) filter (matches_root(path)), false)
            as root_denied,
        coalesce(not arg_max(allow, octets * 2 + allow::int) filter (is_everything(path)), false)
            as dummy_denied
    from by_agent group by host, wave, token
),
-- The Data Provenance Initiative: "/" among the Disallow lines and no Allow line, lines with "?"
-- left out; as published a stacked group's rules go to its last agent only.
initiative as (
    select host, wave, token,
        bool_or(not allow and path = '/') and not bool_or(allow) as mended
    from by_agent where path not like '%?%' group by host, wave, token
),
initiative_published as (
    select host, wave, last_of_stack as token,
        bool_or(not allow and path = '/') and not bool_or(allow) as published
    from rules where path not like '%?%' group by host, wave, last_of_stack
),
flags as (
    select asked.agent, sites.host, sites.wave,
        named.agent is not null as is_named,
        named.access as named_access, everyone.access as everyone_access,
        own.rules, own.any_disallow, own.disallow_all,
        coalesce(own.root_denied, false) as own_root, coalesce(own.dummy_denied, false) as own_dummy,
        coalesce(star.root_denied, false) as star_root,
        coalesce(own_i.mended, false) as own_mended, coalesce(star_i.mended, false) as star_mended,
        coalesce(own_p.published, false) as own_published,
        coalesce(star_p.published, false) as star_published
    from readable join sites using (host, wave) cross join asked
    left join agents as named on named.host = sites.host and named.wave = sites.wave
        and lower(named.agent) = asked.token
    left join agents as everyone on everyone.host = sites.host and everyone.wave = sites.wave
        and everyone.agent = '*'
    left join decided as own on own.host = sites.host and own.wave = sites.wave
        and own.token = asked.token
    left join decided as star on star.host = sites.host and star.wave = sites.wave
        and star.token = '*'
    left join initiative as own_i on own_i.host = sites.host and own_i.wave = sites.wave
        and own_i.token = asked.token
    left join initiative as star_i on star_i.host = sites.host and star_i.wave = sites.wave
        and star_i.token = '*'
    left join initiative_published as own_p on own_p.host = sites.host and own_p.wave = sites.wave
        and own_p.token = asked.token
    left join initiative_published as star_p on star_p.host = sites.host and star_p.wave = sites.wave
        and star_p.token = '*'
),
answers as (
    unpivot (
        select agent, host, wave,
            is_named as "01 HTTP Archive: named at all",
            is_named and rules > 0 as "02 HTTP Archive: named with at least one rule",
            coalesce(any_disallow, false) as "03 palewire: named and any Disallow: /…",
            coalesce(disallow_all, false) as "04 Dinzinger, Crawlora: named and Disallow: /",
            case when is_named then own_published else star_published end
                as "05 Data Provenance Initiative: code as published",
            case when is_named then own_mended else star_mended end
                as "06 Data Provenance Initiative: grouping mended",
            case when is_named then own_root else star_root end
                as "07 RFC 9309: root denied, named or *",
            is_named and own_root as "08 RFC 9309: root denied, named only",
            is_named and own_root and own_dummy
                as "09 IMC'25: root and a dummy path denied, named",
            coalesce(named_access, everyone_access) = 'full' as "10 here: full, named or *",
            coalesce(named_access = 'full', false) as "11 here: full, named only"
        from flags
    )
    on columns('^[0-9]') into name definition value blocked
),
retroactive as (
    select 'any of 13 or *' as agent, '12 Apertus: any of 13 tokens or * blocked' as definition,
        readable.wave, readable.host, coalesce(bool_or(token in (
            'ai2bot', 'applebot-extended', 'bytespider', 'ccbot', 'claudebot',
            'cohere-training-data-crawler', 'diffbot', 'meta-externalagent', 'google-extended',
            'gptbot', 'pangubot', '*') and root_denied), false) as blocked
    from readable left join decided using (host, wave)
    group by readable.wave, readable.host
),
counted as (
    select wave, agent, definition, count(*) filter (blocked) as sites
    from (
        select agent, definition, wave, host, blocked from answers
        union all by name
        select agent, definition, wave, host, blocked from retroactive
    )
    group by wave, agent, definition
)
select wave, agent, definition, sites, of_sites, sites / of_sites as share,
    wilson_low(sites, of_sites) as low, wilson_high(sites, of_sites) as high
from counted join per_wave using (wave)
order by wave, agent, definition
