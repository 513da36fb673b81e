-- Each read of data as it counts by now: what was read with an account that was found to be somebody's since is theirs.
-- `reads` is how many calls a row stands for.
SELECT u.* REPLACE (
         COALESCE(m.consumer, u.consumer) AS consumer, COALESCE(m.consumer_type, u.consumer_type) AS consumer_type,
         COALESCE(m.segment, u.segment) AS segment
       ), COALESCE(u.calls, 1) AS reads
FROM usage_query AS u LEFT JOIN matched_accounts AS m ON m.account = u.consumer
