"""What a basket that is not yet paid would come to: offers, points, what may be redeemed."""
