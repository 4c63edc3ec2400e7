-- A host has one row per wave, and one per agent; a page one per time.
select 'sites' as table_name, host, wave, '' as more from sites
group by all having count(*) > 1
union all
select 'agents', host, wave, agent from agents group by all having count(*) > 1
union all
select 'pages', host, url, coalesce(fetch_time::varchar, '') from pages group by all having count(*) > 1
