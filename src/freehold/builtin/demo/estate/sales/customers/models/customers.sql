{{ config(materialized='incremental', unique_key='customer_id') }}
-- Only keys with a line in the days that came are counted anew; when a day is replaced, all are.
select
    customer_id,
    arg_max(country, ordered_at)                                                     as country,
    min(ordered_at)                                                                  as first_order_at,
    max(ordered_at)                                                                  as last_order_at,
    count(distinct case when not is_cancellation then invoice end)                   as orders,
    count(*)                                                                         as lines,
    cast(sum(amount) as decimal(18, 2))                                              as revenue,
    cast(sum(case when is_cancellation then -amount else 0 end) as decimal(18, 2))   as returned
from {{ ref('sales.orders', 'lines') }}
where customer_id is not null
{% if is_incremental() %}
  and customer_id in (
      select customer_id from {{ ref('sales.orders', 'lines') }}
      where ordered_at >= '{{ var("interval_start") }}' and ordered_at < '{{ var("interval_end") }}'
  )
{% endif %}
group by customer_id
