-- M7: blocks and unblocks between waves that follow one another. Balanced: sites known in every
-- wave. Unbalanced: sites known in both waves. Carried: what was known last stands in for a missing
-- wave, for at most two waves. McNemar's exact test says how likely as uneven a split is by chance.
with numbered as (
    select wave, row_number() over (order by wave) as place
    from (select distinct wave from sites)
),
states as (
    select agents_all.host, agents_all.agent, numbered.place, agents_all.wave,
        case access when 'unknown' then null when 'full' then true else false end as denied
    from agents_all join numbered using (wave)
    where agent in ('GPTBot', 'CCBot', 'ClaudeBot', 'Google-Extended', 'Bytespider')
),
carried as (
    select *, last_value(denied ignore nulls) over recent as carried,
        count(denied) over (partition by host, agent) as known_waves
    from states
    window recent as (
        partition by host, agent order by place rows between 2 preceding and current row
    )
),
steps as (
    select agent, host, wave, place, known_waves,
        lag(wave) over line as from_wave, lag(denied) over line as was, denied as became,
        lag(carried) over line as carried_was, carried as carried_now
    from carried window line as (partition by host, agent order by place)
),
panels as (
    select 'balanced' as panel, agent, from_wave, wave, was, became from steps
    where known_waves = (select count(*) from numbered)
    union all
    select 'unbalanced', agent, from_wave, wave, was, became from steps
    union all
    select 'carried', agent, from_wave, wave, carried_was, carried_now from steps
),
counts as (
    select panel, agent, from_wave, wave, count(*) as sites,
        count(*) filter (not was and became) as blocked,
        count(*) filter (was and not became) as unblocked
    from panels where was is not null and became is not null
    group by panel, agent, from_wave, wave
)
select *,
    case when blocked + unblocked = 0 then 1.0 else least(1.0, 2 * list_sum(list_transform(
        range(0, (least(blocked, unblocked) + 1)::bigint),
        lambda k: exp(lgamma(blocked + unblocked + 1) - lgamma(k + 1)
            - lgamma(blocked + unblocked - k + 1) - (blocked + unblocked) * ln(2))
    ))) end as mcnemar_p
from counts
order by panel, agent, from_wave
