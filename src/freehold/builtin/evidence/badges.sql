-- Which subject had the badge of which rule set, from when to when.
SELECT subject, rule_set, env, seq, valid_from, valid_to FROM (
  SELECT subject, rule_set, held, env, seq, occurred_at AS valid_from,
         LEAD(occurred_at, 1, TIMESTAMP 'infinity') OVER (PARTITION BY env, rule_set, subject ORDER BY occurred_at, seq)
             AS valid_to
  FROM badge_changed
) WHERE held
