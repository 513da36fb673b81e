-- Each account of another system that was found to be somebody's after it was first seen: whose it is by now.
SELECT account, ARG_MAX(consumer, seq) AS consumer, ARG_MAX(consumer_type, seq) AS consumer_type,
       ARG_MAX(segment, seq) AS segment, MAX(seq) AS seq
FROM usage_matched GROUP BY account
