-- One row for each incident, as far as it is known: when it was seen is what was said first; severity and the start of
-- its impact may be corrected, by an update or in the postmortem, and where nobody said it, it is when the deployment
-- that somebody linked as the cause was done; a restore counts once somebody verified it.
WITH opened AS (
  SELECT incident, MIN(seq) AS seq, ARG_MIN(env, seq) AS env, ARG_MIN(kind, seq) AS kind, ARG_MIN(tier, seq) AS tier,
         ARG_MIN(sev, seq) AS sev, ARG_MIN(assets, seq) AS assets, ARG_MIN(product, seq) AS product,
         ARG_MIN(detected_at, seq) AS detected_at, ARG_MIN(impact_started_at, seq) AS impact_started_at,
         ARG_MIN(failure_mode, seq) AS failure_mode, ARG_MIN(detected_by, seq) AS detected_by
  FROM incident_opened GROUP BY incident
), updated AS (
  SELECT incident, ARG_MAX(sev, seq) AS sev, ARG_MAX(impact_started_at, seq) AS impact_started_at, MAX(seq) AS seq
  FROM incident_updated GROUP BY incident
), learned AS (
  SELECT incident, MIN(occurred_at) AS postmortem_at, ARG_MAX(actions, seq) AS actions,
         ARG_MAX(impact_started_at, seq) AS impact_started_at, MAX(seq) AS seq
  FROM postmortem_published GROUP BY incident
), restored AS (
  SELECT incident, ARG_MAX(restored_at, seq) AS restored_at, MAX(seq) AS seq
  FROM incident_resolved WHERE verified_by IS NOT NULL GROUP BY incident
), linked AS (
  SELECT incident, deploy_id, MAX(seq) AS seq FROM incident_cause_linked
  WHERE deploy_id IS NOT NULL AND basis = 'explicit'
  GROUP BY incident, deploy_id HAVING NOT ARG_MAX(COALESCE(ended, FALSE), seq)
), caused AS (
  SELECT l.incident, MIN(d.occurred_at) AS deployed_at, MAX(l.seq) AS seq
  FROM linked AS l JOIN deploy_completed AS d ON d.deploy_id = l.deploy_id GROUP BY l.incident
)
SELECT o.incident, o.env, o.kind, o.tier, o.assets, o.product, o.failure_mode, o.detected_by, o.detected_at,
       COALESCE(u.sev, o.sev) AS sev,
       COALESCE(l.impact_started_at, u.impact_started_at, o.impact_started_at,
                CASE WHEN c.deployed_at <= o.detected_at THEN c.deployed_at END) AS impact_started_at,
       r.restored_at, l.postmortem_at, l.actions, o.seq AS opened_seq, u.seq AS updated_seq, r.seq AS restored_seq,
       l.seq AS postmortem_seq, c.seq AS cause_seq
FROM opened AS o
LEFT JOIN updated AS u ON u.incident = o.incident
LEFT JOIN restored AS r ON r.incident = o.incident
LEFT JOIN learned AS l ON l.incident = o.incident
LEFT JOIN caused AS c ON c.incident = o.incident
