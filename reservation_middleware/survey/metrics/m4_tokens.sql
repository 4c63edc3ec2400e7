-- M4: the share of a corpus's tokens that an agent may not have. The head is the 2,000 domains with
-- the most tokens, all of them in the weights; the rest stands for all other domains. Head and rest
-- are weighted by what they hold of the whole corpus, where its total is known; else by what they
-- hold in the weights. Bootstrap over domains, 200 samples: a few domains hold most tokens.
with totals(corpus, total) as (
    values ('c4_tokens', 170005451386), ('rf_tokens', 431169198316), ('dolma_tokens', 1974278779400)
),
ranked as (
    select surt_host_name, corpus, tokens,
        row_number() over (partition by corpus order by tokens desc, surt_host_name) <= 2000 as head
    from weights where tokens > 0
),
shares as (
    select corpus, coalesce(
        sum(tokens) filter (head) / any_value(total), sum(tokens) filter (head) / sum(tokens)
    ) as head_share
    from ranked left join totals using (corpus)
    group by corpus
),
judged as (
    select wave, surt_host_name, agent, bool_or(access = 'full') as restricted
    from agents_all where access <> 'unknown'
    group by wave, surt_host_name, agent
),
cells as (
    select wave, agent, corpus, replicate, head,
        sum(tokens * times) as tokens, sum(tokens * times) filter (restricted) as restricted,
        count(*) filter (replicate = 0) as domains
    from (
        select *, case when replicate = 0 then 1 else poisson(surt_host_name, replicate) end as times
        from judged join ranked using (surt_host_name) cross join range(201) as samples(replicate)
        where agent in ('GPTBot', 'CCBot', 'ClaudeBot', 'Google-Extended', 'Bytespider')
    )
    group by all
),
estimates as (
    select wave, agent, corpus, replicate, sum(domains) as domains, sum(tokens) as tokens,
        case
            when count(*) = 2 then sum(coalesce(restricted, 0) / nullif(tokens, 0)
                * case when head then head_share else 1 - head_share end)
            else sum(coalesce(restricted, 0)) / nullif(sum(tokens), 0)
        end as share
    from cells join shares using (corpus)
    group by wave, agent, corpus, replicate
)
select
    wave, agent, corpus,
    max(domains) as known_domains,
    max(tokens) filter (replicate = 0) as known_tokens,
    max(share) filter (replicate = 0) as share,
    quantile_cont(share, 0.025) filter (replicate > 0) as low,
    quantile_cont(share, 0.975) filter (replicate > 0) as high
from estimates
group by wave, agent, corpus
order by wave, corpus, share desc, agent
