"""Documents: written from recorded evidence, repeatable to the byte, signed by a person."""

from freehold.insight.documents.checking import document_findings, entry_findings
from freehold.insight.documents.declared import DocumentFile, builtin_documents
from freehold.insight.documents.library import Library, Signature
from freehold.insight.documents.manifest import Manifest, differences, manifest_from
from freehold.insight.documents.pdf import has_pdf, pdf_of
from freehold.insight.documents.writing import Edition

__all__ = [
    "DocumentFile",
    "Edition",
    "Library",
    "Manifest",
    "Signature",
    "builtin_documents",
    "differences",
    "document_findings",
    "entry_findings",
    "has_pdf",
    "manifest_from",
    "pdf_of",
]
