"""Load on a running server: what tills send, and what they were told.

Knows HTTP only. `baskets` makes the traffic, `users` and `python -m vafa.loadtest` send it
with Locust, `openloop` sends it at a planned rate, `report` prints what came back.
"""
