-- What applied estates said of each asset, from when to when: tier and owner are taken as of the time of an event. What
-- an estate no longer names ends when that estate was applied.
SELECT seq, env, asset, facts->>'$.product' AS product, facts->>'$.domain' AS domain, facts->>'$.owner' AS owner,
       CAST(facts->>'$.tier' AS BIGINT) AS tier, CAST(facts->>'$.certified' AS BOOLEAN) AS certified, valid_from, valid_to
FROM (
  SELECT seq, env, valid_from, valid_to, entry.key AS asset, entry.value AS facts
  FROM (
    SELECT seq, env, occurred_at AS valid_from, UNNEST(MAP_ENTRIES(CAST(assets AS MAP(VARCHAR, JSON)))) AS entry,
           LEAD(occurred_at, 1, TIMESTAMP 'infinity') OVER (PARTITION BY env ORDER BY occurred_at, seq) AS valid_to
    FROM estate_applied WHERE assets IS NOT NULL
  )
)
