-- A capture that is a file, or what stands in the place of one, has a body; no other has.
select host, wave, capture, digest from sites
where (capture in ('with-rules', 'no-rules', 'not-robots')) <> (digest is not null)
    or (digest is null) <> (bytes is null)
