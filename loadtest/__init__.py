"""Load on a running server: what tills send, and what they were told.

Knows HTTP only. `baskets` makes the traffic, `users` sends it with Locust, `openloop` at a
planned rate, `answers` checks what came back and `report` prints it; `python -m vafa.loadtest`
does either from a shell.
"""
