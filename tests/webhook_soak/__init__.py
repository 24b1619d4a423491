"""What can anybody send to the webhook, and does it keep its promises then? CI sends 1,000 bodies, `make soak` 100,000."""
