{{ config(materialized='incremental', unique_key='sku') }}
-- A corrected day changes old articles, so the keys are those with a line in what changed, now or before.
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
      union
      select sku from {{ this }}
      where last_sold_at >= '{{ var("interval_start") }}' and first_sold_at < '{{ var("interval_end") }}'
  )
{% endif %}
group by sku
