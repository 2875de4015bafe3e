"""The control process: loads files, makes releases, hands them to workers, answers for all."""
