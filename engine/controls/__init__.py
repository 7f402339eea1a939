"""What facts of no member settle for everyone: programs in force, closed days, budgets, rewards."""
