"""Documents as an editor sees them: lines, positions, versions, edits. Pure; imports nothing of kibitz."""
