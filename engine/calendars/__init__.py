"""Business dates, periods, anniversaries."""
