{{ config(materialized='incremental', unique_key='sku') }}
-- Only keys with a line in the days that came are counted anew; when a day is replaced, all are.
select
    sku,
    max(description)                              as description,
    min(ordered_at)                               as first_sold_at,
    max(ordered_at)                               as last_sold_at,
    min(unit_price)                               as lowest_price,
    max(unit_price)                               as highest_price,
    cast(sum(quantity) as bigint)                 as units,
    cast(sum(amount) as decimal(18, 2))           as revenue
from {{ ref('sales.orders', 'lines') }}
where is_article
{% if is_incremental() %}
  and sku in (
      select sku from {{ ref('sales.orders', 'lines') }}
      where ordered_at >= '{{ var("interval_start") }}' and ordered_at < '{{ var("interval_end") }}'
  )
{% endif %}
group by sku
