{{ config(materialized='table') }}
select
    cast(date_trunc('month', day) as date)           as month,
    count(*)                                         as trading_days,
    cast(sum(orders) as bigint)                      as orders,
    cast(sum(gross_revenue) as decimal(18, 2))       as gross_revenue,
    cast(sum(cancelled_revenue) as decimal(18, 2))   as cancelled_revenue,
    cast(sum(revenue) as decimal(18, 2))             as revenue
from {{ ref('daily_revenue') }}
group by 1
