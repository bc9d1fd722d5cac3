"""Files of callers, and batches of requests, kept in a store that outlives every process.

Everything in the store is written once, except a lease: what a batch is follows from the records
that are there (states.py), and two gateways that work on one batch by mistake do it no harm.
Not here: HTTP (gateway.files_routes, gateway.batches_routes), how a line is answered
(gateway.batch_calls).
"""
