{{ config(materialized='incremental', incremental_strategy='microbatch', event_time='ordered_at', batch_size='day') }}
-- Each line once: the export repeats about one line in a hundred exactly, sometimes with another description.
-- Lines without a price and ledger adjustments carry no sale; they stay in raw_lines.
select
    md5(concat_ws('|', InvoiceNo, StockCode, InvoiceDate, Quantity, UnitPrice, CustomerID, Country)) as line_id,
    InvoiceNo                                               as invoice,
    upper(trim(StockCode))                                  as sku,
    nullif(trim(max(Description)), '')                      as description,
    Quantity                                                as quantity,
    InvoiceDate                                             as ordered_at,
    UnitPrice                                               as unit_price,
    cast(Quantity * UnitPrice as decimal(18, 3))            as amount,
    cast(CustomerID as bigint)                              as customer_id,
    Country                                                 as country,
    InvoiceNo like 'C%'                                     as is_cancellation,
    regexp_matches(StockCode, '^[0-9]{5}')                  as is_article
from {{ source('orders', 'raw_lines') }}
where UnitPrice > 0 and InvoiceNo not like 'A%'
group by InvoiceNo, StockCode, InvoiceDate, Quantity, UnitPrice, CustomerID, Country
