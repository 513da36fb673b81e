-- Each page or dashboard that was looked at, by whom as far as it is known by now.
SELECT v.* REPLACE (
         COALESCE(m.consumer, v.consumer) AS consumer, COALESCE(m.consumer_type, v.consumer_type) AS consumer_type,
         COALESCE(m.segment, v.segment) AS segment
       )
FROM usage_view AS v LEFT JOIN matched_accounts AS m ON m.account = v.consumer
