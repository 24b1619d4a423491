"""What proves a decision? Files that are signed, sealed, claimed and compared with those of before."""
