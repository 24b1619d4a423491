"""Does the gate reach the one right decision, or leave production waiting and say so, whatever dies? Real processes."""
