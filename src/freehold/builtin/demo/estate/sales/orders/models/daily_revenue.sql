{{ config(materialized='incremental', incremental_strategy='microbatch', event_time='day', batch_size='day') }}
select
    cast(ordered_at as date)                                                             as day,
    count(*)                                                                             as lines,
    count(distinct case when not is_cancellation then invoice end)                       as orders,
    count(distinct case when is_cancellation then invoice end)                           as cancellations,
    count(distinct customer_id)                                                          as customers,
    cast(sum(quantity) as bigint)                                                        as units,
    cast(sum(case when not is_cancellation then amount else 0 end) as decimal(18, 2))    as gross_revenue,
    cast(sum(case when is_cancellation then -amount else 0 end) as decimal(18, 2))       as cancelled_revenue,
    cast(sum(amount) as decimal(18, 2))                                                  as revenue,
    cast(sum(case when not is_cancellation then amount else 0 end)
         / count(distinct case when not is_cancellation then invoice end) as decimal(18, 2)) as average_order
from {{ ref('lines') }}
group by 1
