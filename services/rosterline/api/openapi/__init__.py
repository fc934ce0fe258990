"""The OpenAPI documents of what is served, made from the endpoint table and the wire models."""

from rosterline.api.openapi.documents import build_document as build_document
