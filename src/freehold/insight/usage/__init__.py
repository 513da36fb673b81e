"""Who uses what: each product's readers, the columns and metrics they read, its audience, and what nobody reads.

Everything is asked of the ledger's evidence; nothing is kept. Looking at a page is no use of data.
"""

from freehold.insight.usage.assets import UNUSED_AFTER, AssetUse, Instrumented, asset_uses, instrumented
from freehold.insight.usage.products import Looks, MetricUse, ProductUse, Reader, Week, product_uses
from freehold.insight.usage.telling import asset_json, recorded_since, use_json

__all__ = [
    "UNUSED_AFTER",
    "AssetUse",
    "Instrumented",
    "Looks",
    "MetricUse",
    "ProductUse",
    "Reader",
    "Week",
    "asset_json",
    "asset_uses",
    "instrumented",
    "product_uses",
    "recorded_since",
    "use_json",
]
