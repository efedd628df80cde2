"""Certificates: a small authority, what it signs, and the TLS contexts of both sides; knows no file and no network of its own.

Ask it for an authority, a certificate or a context. It decides nothing: who gets a certificate is decided by its callers.
It is the only package that speaks `cryptography`.
"""
