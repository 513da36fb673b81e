-- What came of each rule for each subject, from when to when: results are events only when they change. What is about a
-- subject no more ends what was said before.
SELECT * FROM (
  SELECT rule, COALESCE(rule_set, '') AS rule_set, subject, level, COALESCE(weight, 1) AS weight,
         COALESCE(outcome, CASE WHEN pass THEN 'passed' ELSE 'failed' END) AS outcome, waiver, name, remedy,
         COALESCE(asserted, FALSE) AS asserted, env, seq, occurred_at AS valid_from,
         LEAD(occurred_at, 1, TIMESTAMP 'infinity') OVER (PARTITION BY env, rule, subject ORDER BY occurred_at, seq)
             AS valid_to
  FROM rule_evaluated
) WHERE outcome <> 'ended'
