-- Columns with a closed set of words have no other.
select 'capture' as column_name, capture as word from sites where capture not in
    ('no-capture', 'forbidden', 'defer', 'absent', 'redirect-unresolved', 'not-robots', 'no-rules', 'with-rules')
union all
select 'access', access from agents where access not in
    ('full', 'partial', 'none', 'explicit-allow', 'unknown')
union all
select 'preference', preference from statements where preference not in
    ('allowed', 'disallowed', 'unknown')
union all
select 'action', action from pages where action not in ('proceed', 'block')
