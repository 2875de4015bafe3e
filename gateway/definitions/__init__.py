"""What users define, in AWS's words: frozen values without behaviour beyond local checks."""
