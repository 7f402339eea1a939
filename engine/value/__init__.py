"""Value that changes hands: cards, refunds, referrals, causes, claims, joint facts."""
