"""What does a gate file say, and is it right? Settings, policy, calendar, and the words that describe them."""
