{{ config(materialized='incremental', incremental_strategy='microbatch', event_time='ordered_at', batch_size='day') }}
select
    order_id,
    ordered_at,
    nullif(trim(customer), '') as customer,
    amount,
    lower(state)               as state
from {{ source('orders', 'raw_orders') }}
