-- Every site has one row for everyone (*), no agent stands without its site, and the number of
-- agents that a site names is that of its rows.
select sites.host, sites.wave, any_value(agents_named) as named,
    count(*) filter (agent <> '*') as named_rows, count(*) filter (agent = '*') as everyone_rows
from sites left join agents on agents.host = sites.host and agents.wave = sites.wave
    and agents.origin = sites.origin
group by sites.host, sites.wave
having named <> named_rows or everyone_rows <> 1
union all
select agents.host, agents.wave, 0, count(*), 0
from agents anti join sites on agents.host = sites.host and agents.wave = sites.wave
    and agents.origin = sites.origin
group by agents.host, agents.wave
