"""What a finding is: the rules, anchoring by quote, the gate a fix must pass, and how to ask for one."""
