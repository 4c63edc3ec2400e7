-- Every agent of the list at every site: access, and whether the file names it (named), its rules
-- are those for everyone (inherited), or it has none. The view itself is in views.sql.
select * from agents_all order by surt_host_name, host, wave, agent
