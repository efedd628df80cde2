"""Certificates: a small authority, what it signs, and the TLS contexts of both sides; knows no file and no network of its own.

Ask it for an authority, a certificate or a context. It decides nothing: its callers decide who gets a certificate.
It is the only package that speaks `cryptography`.
"""
