-- One row for each work item: what was first said of it, where it stands, and when it was first delivered and last
-- closed. A state closes an item where its workflow says so; of events that do not say it, the usual names do. Whoever
-- linked it as a duplicate has looked at it. What was delivered and taken back was not delivered.
WITH created AS (
  SELECT item, MIN(seq) AS seq, MIN(occurred_at) AS created_at, ARG_MIN(type, seq) AS type,
         ARG_MIN(COALESCE(class, 'standard'), seq) AS class, ARG_MIN(requester, seq) AS requester,
         ARG_MIN(product, seq) AS product, ARG_MIN(due, seq) AS due, ARG_MIN(priority, seq) AS priority,
         ARG_MIN(state, seq) AS state, ARG_MIN(fields, seq) AS fields,
         ARG_MIN(triage_due, seq) AS triage_due
  FROM work_created GROUP BY item
), moved AS (
  SELECT item, seq, occurred_at, "to" AS state, reason,
         COALESCE(final, "to" IN ('answered', 'cancelled', 'closed', 'declined', 'delivered', 'done', 'duplicate',
                                  'rejected', 'resolved', 'retired', 'withdrawn')) AS is_final,
         "to" IN ('answered', 'delivered', 'done', 'resolved', 'retired')
           AND LEAD(move, 1, '') OVER (PARTITION BY item ORDER BY seq) IS DISTINCT FROM 'undo' AS is_delivery
  FROM work_transitioned
), seen AS (
  SELECT item, MIN(occurred_at) AS seen_at, ARG_MIN(seq, occurred_at) AS seq FROM (
    SELECT item, occurred_at, seq FROM moved
    UNION ALL SELECT item, occurred_at, seq FROM work_linked WHERE rel = 'duplicate_of' AND ended IS NOT TRUE
  ) GROUP BY item
), standing AS (
  SELECT item, ARG_MAX(state, seq) AS state, ARG_MAX(occurred_at, seq) AS since, ARG_MAX(is_final, seq) AS is_closed,
         ARG_MAX(reason, seq) AS reason,
         MIN(occurred_at) FILTER (WHERE is_delivery) AS delivered_at,
         ARG_MIN(seq, occurred_at) FILTER (WHERE is_delivery) AS delivered_seq, MAX(seq) AS seq
  FROM moved GROUP BY item
)
SELECT c.item, c.type, c.class, c.requester, c.product, c.due, c.priority, c.fields, c.created_at, c.triage_due,
       COALESCE(s.state, c.state) AS state, COALESCE(s.since, c.created_at) AS since, s.reason,
       f.seen_at AS triaged_at, s.delivered_at, CASE WHEN s.is_closed THEN s.since END AS closed_at,
       c.seq AS created_seq, f.seq AS triaged_seq, s.delivered_seq, s.seq AS moved_seq
FROM created AS c LEFT JOIN standing AS s ON s.item = c.item LEFT JOIN seen AS f ON f.item = c.item
