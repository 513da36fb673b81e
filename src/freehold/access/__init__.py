"""Who may see and do what: decided from files alone, by one function, which says why.

Every surface asks here and none decides by itself. What a caller may not see is, to them, not there.
"""

from freehold.access.accounts import ServiceAccount, accounts_of
from freehold.access.deciding import Access, Verdict, may, visible_products
from freehold.access.findings import access_findings, overdue_accounts
from freehold.access.words import ACTIONS, OF_PRODUCTS, USUAL, Action

__all__ = [
    "ACTIONS",
    "OF_PRODUCTS",
    "USUAL",
    "Access",
    "Action",
    "ServiceAccount",
    "Verdict",
    "access_findings",
    "accounts_of",
    "may",
    "overdue_accounts",
    "visible_products",
]
