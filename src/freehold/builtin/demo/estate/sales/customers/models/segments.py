"""Divide the customers by how often they buy and how long they have been away."""

import pyarrow as pa
import pyarrow.compute as pc

NEW_DAYS = 30
SLIPPING_DAYS = 90
LAPSED_DAYS = 180
LOYAL_ORDERS = 5


def model(context) -> pa.Table:
    """Return one row a customer: days since the latest line of all, and one of five segments."""
    customers = context.ref("customers")
    last = customers["last_order_at"]
    today = pc.max(last)
    away = pc.days_between(last, today)
    known = pc.days_between(customers["first_order_at"], today)
    segment = pc.case_when(
        pc.make_struct(
            pc.greater(away, LAPSED_DAYS),
            pc.greater(away, SLIPPING_DAYS),
            pc.greater_equal(customers["orders"], LOYAL_ORDERS),
            pc.less_equal(known, NEW_DAYS),
        ),
        "lapsed",
        "slipping",
        "loyal",
        "new",
        "active",
    )
    return pa.table({"customer_id": customers["customer_id"], "days_since_order": away, "segment": segment})
