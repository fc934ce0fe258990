"""Vendors on NATS: who is admitted, with which permissions, and for how long."""
